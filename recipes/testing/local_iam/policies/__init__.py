"""The policy engine: which policies can be stored, and what they permit or deny.

Allow policies of accounts, deny policies (`iam_v2`), boundaries, access policies and their bindings
(`iam_v3`) are handlers like those of `api`, on whose state they work; conditions and principals are
the two languages that they share.
"""
