"""Files and git: what a workspace holds, its frozen snapshot, the store, the ledger."""
