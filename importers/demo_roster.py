"""Who is in the demonstration: two organizations, 600 people, 24 groups. The same for every day; only dates move."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from unicodedata import combining, normalize

from importers.demo_catalogue import COURSES

YEAR = timedelta(days=365)

# A first name with the family names of a region, so that nobody is called Søren Nakamura by dice alone.
_REGIONS = (
    (
        "Lucía Martina Sofía Carmen Noa Elena Irene Hugo Mateo Martín Pablo Álvaro Adrián Íñigo Jimena Begoña",
        "García Fernández López Martínez Sánchez Pérez Gómez Núñez Muñoz Ibáñez Ortega Rubio Peña Castaño Echeverría",
    ),
    (
        "Emma Olivia Ava Grace Chloe Hannah Zoe Liam Noah Ethan Mason Caleb Owen Wyatt Jasmine Tyrone",
        "Smith Johnson Williams Brown Davis Miller Wilson Anderson Taylor Moore Jackson Harris Clark Walker O’Brien",
    ),
    (
        "Łukasz Zofia Agnieszka Wojciech Małgorzata Krzysztof Jiří Kateřina Dušan Željka",
        "Nowak Wiśniewski Wójcik Zieliński Dąbrowski Novák Dvořák Černý Horváth Kovačević",
    ),
    ("Søren Freja Bjørn Åsa Linnéa Jürgen Käthe Aino Þóra Mikkel", "Jørgensen Nyström Møller Lindqvist Müller Größ Virtanen Sørensen Øvrebø Ångström"),
    ("Aarav Diya Ananya Rohan Priya Arjun Kavya Ishaan Meera Vikram", "Sharma Patel Iyer Nair Reddy Banerjee Singh Kapoor Menon Desai"),
    ("Amara Chinedu Kwame Zainab Thabo Nia Oluwaseun Fatoumata Abebe Lindiwe", "Okafor Mensah Diallo Ndlovu Adeyemi Mwangi Tesfaye Traoré Boateng Dlamini"),
    ("Yusuf Leïla Omar Maryam Karim Noor Selin Emre Ayşe Şirin", "Haddad El-Amin Benali Yılmaz Öztürk Demir Khalil Mansour Çelik Nasser"),
)  # fmt: skip
# Family name first, without a space, as they are written.
_EAST_ASIAN = (
    "佐藤美咲", "鈴木翔太", "高橋陽菜", "田中蓮", "王芳", "李伟", "张敏", "陈静", "김민준", "이서연", "박지훈", "최수아",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """An organization of the demonstration; ``groups`` and ``learners`` are how many it has."""

    slug: str
    name: str
    time_zone: str
    groups: int
    learners: int
    domain: str


PLACES = (
    Place("costa-academy", "Costa Tech Academy", "Europe/Madrid", 14, 332, "costa-academy.example"),
    Place("hudson-labs", "Hudson Labs", "America/New_York", 10, 238, "hudson-labs.example"),
)


@dataclass(slots=True)
class Person:
    """Somebody of an organization. Learners have traits: ``ability`` and ``growth`` (per year) in standard deviations,
    ``diligence`` and ``energy`` around 1, ``lateness`` as hours by which the day is shifted."""

    key: str
    name: str
    email: str
    role: str
    ability: float = 0.0
    growth: float = 0.0
    diligence: float = 1.0
    energy: float = 1.0
    lateness: float = 0.0
    joined: date | None = None
    left: date | None = None
    """The day of deactivation."""


@dataclass(slots=True)
class Stay:
    """A learner in a group; None: from its start, or to this day."""

    person: Person
    since: date | None = None
    until: date | None = None


@dataclass(slots=True)
class Group:
    key: str
    name: str
    course: str
    teacher: Person
    stays: list[Stay] = field(default_factory=list)


@dataclass(slots=True)
class Roster:
    """One organization with its people."""

    place: Place
    people: list[Person]
    groups: list[Group]


def make_rosters(seed: int, today: date) -> list[Roster]:
    """The two organizations: 24 teachers, 4 managers, 2 admins, 570 learners."""
    random = Random(f"roster {seed}")
    names = _names(random)
    return [_make_roster(random, place, names, today) for place in PLACES]


def _make_roster(random: Random, place: Place, names: Iterator[str], today: date) -> Roster:
    people: list[Person] = []
    taken: set[str] = set()

    def add(role: str) -> Person:
        name = next(names)
        login = base = _login(name, len(people))
        number = 1
        while login in taken:
            number += 1
            login = f"{base}{number}"
        taken.add(login)
        person = Person(login, name, f"{login}@{place.domain}", role)
        people.append(person)
        return person

    for role, count in (("ADMIN", 1), ("MANAGER", 2)):
        for _ in range(count):
            add(role)
    groups = []
    for number in range(place.groups):
        course = list(COURSES)[number % len(COURSES)]
        section = "ABC"[number // len(COURSES)]
        code = "".join(word[0] for word in course.split()).lower()
        groups.append(Group(f"{code}-{section.lower()}", f"{course} {section}", course, add("TEACHER")))
    learners = []
    for number, group in enumerate(groups):
        size = place.learners // place.groups + (number < place.learners % place.groups)
        for _ in range(size):
            person = add("STUDENT")
            person.ability = random.gauss(0.0, 1.0)
            person.growth = max(0.0, random.gauss(0.9, 0.4))
            person.diligence = min(max(random.gauss(1.0, 0.35), 0.2), 1.8)
            person.energy = random.lognormvariate(0.0, 0.35)
            person.lateness = random.gauss(0.0, 1.6)
            learners.append(person)
            group.stays.append(Stay(person))
    _let_life_happen(random, groups, learners, today)
    return Roster(place, people, groups)


def _let_life_happen(random: Random, groups: list[Group], learners: list[Person], today: date) -> None:
    """Some come later, some leave, some change their group, some are in two."""
    fates = random.sample(learners, k=len(learners) // 9)
    home = {id(stay.person): group for group in groups for stay in group.stays}
    for number, person in enumerate(fates):
        group = home[id(person)]
        stay = next(stay for stay in group.stays if stay.person is person)
        other = groups[(groups.index(group) + 1 + number % 3) % len(groups)]
        day = today - timedelta(days=random.randint(60, 300))
        match number % 5:
            case 0:
                person.left = stay.until = day
            case 1:
                person.joined = stay.since = day
            case 2 | 3:
                stay.until = day
                other.stays.append(Stay(person, since=day))
            case _:
                other.stays.append(Stay(person))


def _names(random: Random) -> Iterator[str]:
    """Full names without end, diverse, each once in a long while."""
    used: set[str] = set()
    regions = [(first.split(), last.split()) for first, last in _REGIONS]
    weights = (30, 26, 10, 9, 9, 8, 8)
    east_asian = list(_EAST_ASIAN)
    random.shuffle(east_asian)
    count = 0
    while True:
        count += 1
        if count % 45 == 7 and east_asian:
            yield east_asian.pop()
            continue
        for _ in range(20):
            first, last = random.choices(regions, weights)[0]
            name = f"{random.choice(first)} {random.choice(last)}"
            if name not in used:
                break
        used.add(name)
        yield name


def _login(name: str, number: int) -> str:
    """An account name in ASCII: lucia.garcia; for scripts that have no letters in ASCII, learner017."""
    plain = "".join(c for c in normalize("NFKD", name.translate(_LETTERS)) if not combining(c))
    login = ".".join(plain.lower().replace("’", "").replace("-", "").split())
    return login if login.isascii() else f"learner{number:03}"


_LETTERS = str.maketrans({"ł": "l", "Ł": "L", "ø": "o", "Ø": "O", "ß": "ss", "Þ": "Th", "þ": "th", "ı": "i", "æ": "ae"})
