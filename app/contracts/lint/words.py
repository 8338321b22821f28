"""Rules on what is written for readers."""

from app.contracts.lint.advice import Found, Rule, Subject, every_field

EMPTY = frozenset({
    "a", "an", "contains", "field", "for", "holds", "is", "of", "that", "the", "this", "value",
    "which",
})  # fmt: skip


def _about_says_nothing(subject: Subject) -> Found:
    for where, name, field in every_field(subject.contract):
        words = set(_words(field.about)) - EMPTY
        if field.about and words <= set(_words(name)):
            yield (
                f"{where}.about",
                f"«{field.about}» says no more than the name; say what it means, in which unit, "
                "by whose clock",
            )


def _about_copied(subject: Subject) -> Found:
    first: dict[str, str] = {}
    for where, _, field in every_field(subject.contract):
        if not field.about:
            continue
        other = first.setdefault(" ".join(_words(field.about)), where)
        if other != where:
            yield f"{where}.about", f"is the same as that of {other}; say what is different"


def _summary_copied(subject: Subject) -> Found:
    own = _words(subject.contract.summary)
    for path, other in subject.others.items():
        if _words(other.summary) == own and path < subject.source.path:
            yield "summary", f"is that of {other.event}; say what this event tells"
            return


def _words(text: str) -> list[str]:
    return "".join(c if c.isalnum() else " " for c in text.lower()).split()


RULES = (
    Rule("about-empty", "An about that repeats the name tells a reader nothing.",
         _about_says_nothing),
    Rule("about-copied", "Two fields that say the same of themselves: one of them is wrong.",
         _about_copied),
    Rule("summary-copied", "Two events that say the same of themselves can not be told apart.",
         _summary_copied),
)  # fmt: skip
