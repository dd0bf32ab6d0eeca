"""A schema for Delphes' branches that keeps how many values every branch itself has."""

from __future__ import annotations

from typing import Any

from coffea.nanoevents import BaseSchema


class OwnCountsSchema(BaseSchema):
    """Delphes' branches by collection, each member with the counts that it has itself.

    coffea's `DelphesSchema` takes the number of values of every event from the branch
    ``X_size`` and, for the collections that should have one value an event, not even
    from there: what has none or two in an event moves all that comes after it. Here
    ``events.MissingET.MET`` is n * var * float as it stands in the file, and whoever
    reads it can compare. Branches that are not of a collection stay as they are, and no
    collection needs any particular member.
    """

    __dask_capable__ = False

    def __init__(self, base_form: dict[str, Any], *args: Any, **kwargs: Any) -> None:
        super().__init__(base_form)
        loose: dict[str, Any] = {}
        collections: dict[str, dict[str, Any]] = {}
        for branch, form in zip(self._form["fields"], self._form["contents"], strict=True):
            collection, nested, member = branch.partition("/")
            if not nested:
                loose[collection] = form
            elif member.startswith(f"{collection}."):
                members = collections.setdefault(collection, {})
                members[member.removeprefix(f"{collection}.")] = form
        records = {
            collection: {
                "class": "RecordArray",
                "fields": list(members),
                "contents": list(members.values()),
                "parameters": {"collection_name": collection},
                "form_key": None,
            }
            for collection, members in collections.items()
        }
        fields = {**loose, **records}
        self._form["fields"] = list(fields)
        self._form["contents"] = list(fields.values())
