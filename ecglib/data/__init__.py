"""One name for every source of records, as the chapters' parameter `dataset` has it."""

from ecglib.data.records import LEADS, Records


def load(dataset: str, lead: str = "v6", n_records: int | None = None) -> Records:
    """Records of a lead from a data set by its name.

    dataset: "ludb", "synthetic", or the path of a WFDB record or a folder of them.
    lead: of LUDB or the path; synthetic records all look like lead V6.
    n_records: take the first so many; None takes all (of synthetic records: 200, as LUDB has).

    Raises ValueError for fewer than one record, and as the source does.
    """
    if n_records is not None and n_records < 1:
        raise ValueError(f"n_records is {n_records}: ask for one record at least.")
    # Each source is imported when it is asked for: wfdb takes seconds, synthetic records do not.
    if dataset == "synthetic":
        from ecglib.data.synthetic import load_synthetic

        return load_synthetic() if n_records is None else load_synthetic(n_records)
    if dataset == "ludb":
        from ecglib.data.ludb import load_ludb

        records = load_ludb(lead=lead)
        return records.subset(range(len(records))[:n_records])
    from ecglib.data.wfdb_folder import load_wfdb

    return load_wfdb(dataset, lead=lead, n_records=n_records)


def check(dataset: str, lead: str) -> None:
    """Look quickly whether a data set has a lead at all, by the headers of its records.

    Raises ValueError with the leads that there are, FileNotFoundError where there is no record.
    """
    if dataset == "ludb" and str(lead).lower() not in LEADS:
        raise ValueError(f"LUDB has no lead {lead!r}: its leads are {', '.join(LEADS)}.")
    if dataset not in ("ludb", "synthetic"):
        from ecglib.data.wfdb_names import check_lead

        check_lead(dataset, lead)
