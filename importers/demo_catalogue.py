"""What the demonstration teaches: 12 topics with 10 labs each in 6 levels, and the six courses made of them."""

from __future__ import annotations

from dataclasses import dataclass

LEVELS = ("Orientation", "Foundations", "Practitioner", "Advanced", "Expert", "Mastery")
# The levels of a topic's ten labs, in the order in which they are listed below.
_LEVEL_OF_LAB = (1, 1, 2, 2, 3, 3, 4, 4, 5, 6)


@dataclass(frozen=True, slots=True)
class Topic:
    """A subject with its labs from easy to hard, the skills they ask for and how attempts at them go wrong."""

    key: str
    title: str
    labs: tuple[str, ...]
    skills: tuple[str, ...]
    errors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Lab:
    """``level`` is 1 to 6, ``difficulty`` 0 to 10, ``minutes`` what a try takes in the median."""

    type: str
    title: str
    topic: Topic
    level: int
    difficulty: float
    minutes: float
    skills: tuple[str, ...]
    errors: tuple[str, ...]


TOPICS = (
    Topic(
        "networking",
        "Networking",
        (
            "Read a routing table",
            "Split a network into subnets",
            "Trace a packet with tcpdump",
            "Set up a DHCP server",
            "Connect two VLANs",
            "Find the broken link",
            "Resilient routes with OSPF",
            "A VPN between two sites",
            "BGP between two providers",
            "Survive the loss of a data centre",
        ),
        ("ip-addressing", "routing", "switching", "packet-analysis"),
        ("HOST_UNREACHABLE", "TIMEOUT", "WRONG_NETMASK", "ROUTE_MISSING"),
    ),
    Topic(
        "sql",
        "SQL and databases",
        (
            "Select, filter, sort",
            "Join two tables",
            "Group and count",
            "Design a small schema",
            "Window functions",
            "Make a slow query fast",
            "Transactions and isolation",
            "Recover to a point in time",
            "Partition a large table",
            "Migrate without downtime",
        ),
        ("querying", "data-modelling", "indexing", "transactions"),
        ("SYNTAX_ERROR", "WRONG_RESULT", "DEADLOCK_DETECTED", "STATEMENT_TIMEOUT"),
    ),
    Topic(
        "linux",
        "Linux",
        (
            "Find your way in the shell",
            "Files and permissions",
            "Pipes, grep and awk",
            "Users, groups and sudo",
            "Services with systemd",
            "Disks, LVM and mounts",
            "Why is this server slow?",
            "Boot it again",
            "Namespaces and cgroups by hand",
            "Trace the kernel with bpftrace",
        ),
        ("shell", "permissions", "processes", "storage"),
        ("PERMISSION_DENIED", "COMMAND_NOT_FOUND", "DISK_FULL", "SERVICE_FAILED"),
    ),
    Topic(
        "security",
        "Security",
        (
            "Passwords and hashes",
            "Read a certificate",
            "Close the open ports",
            "Spot the phishing mail",
            "SQL injection and its cure",
            "Cross-site scripting and its cure",
            "Harden an SSH server",
            "Analyse a breach from its logs",
            "Privilege escalation",
            "Red team against blue team",
        ),
        ("cryptography", "hardening", "web-security", "forensics"),
        ("PERMISSION_DENIED", "FLAG_REJECTED", "WEAK_CIPHER", "SESSION_EXPIRED"),
    ),
    Topic(
        "kubernetes",
        "Kubernetes",
        (
            "Your first pod",
            "Deployments and rollbacks",
            "Services and ingress",
            "Configuration and secrets",
            "Volumes that stay",
            "Probes, limits, requests",
            "Roles and service accounts",
            "Scale with the load",
            "Write an operator",
            "Debug a dying cluster",
        ),
        ("containers", "orchestration", "yaml", "observability"),
        ("IMAGE_PULL_BACKOFF", "CRASH_LOOP", "OOM_KILLED", "YAML_INVALID"),
    ),
    Topic(
        "python",
        "Python",
        (
            "Lists and loops",
            "Functions that read well",
            "Files, CSV and JSON",
            "Tests with pytest",
            "Talk to an HTTP API",
            "Classes and dataclasses",
            "Find the memory leak",
            "Asynchronous crawler",
            "Package and publish",
            "Twice as fast with a profiler",
        ),
        ("python-basics", "testing", "debugging", "concurrency"),
        ("SYNTAX_ERROR", "ASSERTION_FAILED", "IMPORT_ERROR", "TIMEOUT"),
    ),
    Topic(
        "git",
        "Git and teamwork",
        (
            "Commit and push",
            "Branch and merge",
            "Solve a merge conflict",
            "Rewrite with rebase",
            "Review a pull request",
            "Find the bad commit with bisect",
            "Hooks that help",
            "Release with tags",
            "Split a repository",
            "Rescue lost history",
        ),
        ("version-control", "code-review", "release-management"),
        ("MERGE_CONFLICT", "DETACHED_HEAD", "PUSH_REJECTED", "HOOK_FAILED"),
    ),
    Topic(
        "containers",
        "Containers",
        (
            "Run and stop a container",
            "Write a Dockerfile",
            "Volumes and networks",
            "Compose a small application",
            "Images half the size",
            "Builds that are cached",
            "Run without root",
            "Scan and sign an image",
            "A registry of your own",
            "A container from scratch",
        ),
        ("containers", "image-building", "networking"),
        ("BUILD_FAILED", "PORT_IN_USE", "IMAGE_NOT_FOUND", "OOM_KILLED"),
    ),
    Topic(
        "cloud",
        "Cloud infrastructure",
        (
            "Launch a virtual machine",
            "Object storage and its rights",
            "A network of your own",
            "Roles, not keys",
            "Infrastructure as code",
            "Scale behind a load balancer",
            "Functions on events",
            "Costs under control",
            "Two regions, one service",
            "Disaster recovery drill",
        ),
        ("infrastructure-as-code", "identity", "cost-control"),
        ("QUOTA_EXCEEDED", "ACCESS_DENIED", "STATE_LOCKED", "TIMEOUT"),
    ),
    Topic(
        "cicd",
        "Continuous delivery",
        (
            "A first pipeline",
            "Run tests on each push",
            "Cache what is slow",
            "Build once, deploy often",
            "Secrets in a pipeline",
            "Blue and green",
            "Canary releases",
            "Roll back in a minute",
            "Ephemeral environments",
            "Deploy ten times a day",
        ),
        ("pipelines", "automation", "release-management"),
        ("PIPELINE_FAILED", "YAML_INVALID", "ARTIFACT_MISSING", "TIMEOUT"),
    ),
    Topic(
        "observability",
        "Observability",
        (
            "Read a log file",
            "Count with Prometheus",
            "A dashboard that tells",
            "Alerts that matter",
            "Structured logs",
            "Follow a request by its trace",
            "Service level objectives",
            "Find the noisy neighbour",
            "Sample without losing",
            "An incident from alert to report",
        ),
        ("metrics", "tracing", "incident-response"),
        ("QUERY_INVALID", "NO_DATA", "CARDINALITY_TOO_HIGH", "TIMEOUT"),
    ),
    Topic(
        "data-engineering",
        "Data engineering",
        (
            "Clean a messy table",
            "Load a file every night",
            "Columns and Parquet",
            "Model a star schema",
            "Orchestrate with a DAG",
            "Late and duplicate data",
            "Stream with Kafka",
            "Change data capture",
            "Test data quality",
            "Exactly once, end to end",
        ),
        ("data-modelling", "pipelines", "streaming", "querying"),
        ("SCHEMA_MISMATCH", "DUPLICATE_KEY", "OFFSET_OUT_OF_RANGE", "MEMORY_LIMIT"),
    ),
)

COURSES = {
    "Network Engineering": ("networking", "linux", "security", "observability", "git"),
    "Database Administration": ("sql", "linux", "data-engineering", "python", "security"),
    "Cloud Operations": ("cloud", "kubernetes", "containers", "observability", "linux"),
    "Security Analysis": ("security", "networking", "linux", "python", "cloud"),
    "Backend Development": ("python", "sql", "git", "containers", "cicd"),
    "Platform Engineering": ("kubernetes", "cicd", "cloud", "git", "data-engineering"),
}
"""Course name → keys of its topics; a group follows one course through all labs of its topics."""

COMMON_ERRORS = ("TIMEOUT", "ENVIRONMENT_LOST")


def _labs_of(topic: Topic) -> list[Lab]:
    labs = []
    for number, (title, level) in enumerate(zip(topic.labs, _LEVEL_OF_LAB, strict=True)):
        skills = {topic.skills[number % len(topic.skills)], topic.skills[min(level, len(topic.skills)) - 1]}
        labs.append(
            Lab(
                type=f"{topic.key}-{number + 1:02}",
                title=title,
                topic=topic,
                level=level,
                # Rising with the level; topics and neighbours differ a little.
                difficulty=round(0.4 + 1.4 * level + 0.35 * (number % 2) + 0.03 * (len(topic.key) + number), 1),
                minutes=8.0 + 7.0 * level + number % 3 * 2.5,
                skills=tuple(sorted(skills)),
                errors=tuple(dict.fromkeys((*topic.errors, COMMON_ERRORS[number % 2]))),
            )
        )
    return labs


LABS = tuple(lab for topic in TOPICS for lab in _labs_of(topic))


def labs_of_course(course: str) -> list[Lab]:
    """The 50 labs of a course, from easy to hard."""
    return sorted(
        (lab for lab in LABS if lab.topic.key in COURSES[course]), key=lambda lab: (lab.level, lab.difficulty)
    )
