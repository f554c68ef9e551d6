"""What attempts can be, as enums of the graph."""

from resolvers.attempts import AttemptChange, AttemptOrderField, AttemptSource, AttemptStatus
from schema.enums import describe_enum

__all__ = ["AttemptChange", "AttemptOrderField", "AttemptSource", "AttemptStatus"]

describe_enum(
    AttemptStatus,
    "AttemptStatus",
    "How far an attempt came.",
    {
        "STARTED": "Under way: no completion yet, in no measure.",
        "SUCCEEDED": "Finished with success.",
        "FAILED": "Finished without success.",
        "ABANDONED": "Given up: counts as finished without success.",
    },
)
describe_enum(
    AttemptSource,
    "AttemptSource",
    "Which way an attempt came in.",
    {
        "API": "This graph.",
        "REST": "The REST interface.",
        "KAFKA": "An event stream.",
        "XAPI": "xAPI statements.",
        "CSV": "An imported file.",
        "LTI": "A learning platform by LTI.",
        "MANUAL": "A person's hand.",
    },
)
describe_enum(
    AttemptChange,
    "AttemptChange",
    "What was done to an attempt.",
    {
        "UPDATED": "Some of what it says was changed.",
        "DELETED": "It was taken out of all measures.",
        "RESTORED": "It was put back into all measures.",
    },
)
describe_enum(
    AttemptOrderField,
    "AttemptOrderField",
    "What attempts can be sorted by.",
    {
        "COMPLETED_AT": "Completion; attempts under way stand at their start.",
        "RECORDED_AT": "When it was recorded here.",
        "SCORE": "Score; attempts without one come last.",
        "COMPLETION_TIME": "How long it took; attempts without a duration come last.",
    },
)
