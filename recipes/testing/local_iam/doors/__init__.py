"""How calls come in: the ports, what is behind them, and what a test may do to them.

The tunnel leads every Google host to the gRPC and HTTP servers of loopback; both hand each call to
the one `Service`, which authenticates, counts, applies faults and calls a handler. Doors know the
handlers of `api` and `policies`; no handler knows whether its call came by gRPC or as REST.
"""
