"""What ``run.json`` keeps of a study: values that can be read again, or words in their place."""


def are_items(stored: object) -> bool:
    """Whether a run keeps the items themselves, or how many they were. None: there were none given."""
    return stored is None or str(stored).startswith(("[", "range("))
