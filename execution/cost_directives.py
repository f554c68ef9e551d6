"""The directives of the GraphQL Cost Directives specification (IBM): how the schema says what costs how much.

https://ibm.github.io/graphql-specs/cost-spec.html
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import strawberry
from strawberry.schema_directive import Location


# Strawberry drops the descriptions of a directive's arguments, so those of the directives speak of them.
@strawberry.schema_directive(
    name="cost",
    locations=[Location.FIELD_DEFINITION, Location.ARGUMENT_DEFINITION],
    description="What a field costs beside the objects that it answers with, or what giving an argument adds: `weight`, a whole "
    "number. Without it an object costs 1, a field of Mutation 10, everything else nothing.",
)
class FieldCost:
    weight: str


@strawberry.schema_directive(
    name="listSize",
    locations=[Location.FIELD_DEFINITION],
    description="How many objects a list is taken to have when an operation is weighed: as many as the largest of "
    "`slicingArguments` says, else `assumedSize`. With `sizedFields` those lists in the answer have that size. With "
    "`requireOneSlicingArgument` exactly one slicing argument has to be given, or has a default.",
)
class ListSize:
    assumed_size: int | None = strawberry.UNSET
    slicing_arguments: list[str] | None = strawberry.UNSET
    sized_fields: list[str] | None = strawberry.UNSET
    require_one_slicing_argument: bool | None = True


class CountedList(ListSize):
    """A list whose size follows from arguments in a way that the directive has no words for; it tells ``assumed_size``.

    ``count`` takes the arguments named in ``counted_by``, uncoerced, whatever a client may have sent; None for one that was
    not given. It gives None where it cannot tell.
    """

    def __init__(self, counted_by: Sequence[str], count: Callable[..., int | None], **told: Any) -> None:
        super().__init__(require_one_slicing_argument=strawberry.UNSET, **told)
        self.counted_by = tuple(counted_by)
        self.count = count
