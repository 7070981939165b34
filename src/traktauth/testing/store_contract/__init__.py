"""The contract of a store as tests; see `traktauth.testing.store_contract.contract`."""
