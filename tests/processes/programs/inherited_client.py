"""Asks for the client in a child that was forked while every lock was held."""

import os

from recipes.processes.create_on_first_use import client, clients, locks

parent, of_parent = os.getpid(), client()
for lock in locks.values():
    lock.acquire()
child = os.fork()
if child == 0:
    os._exit(0 if client() is not of_parent and clients[parent] is of_parent else 3)
assert 0 == os.waitpid(child, 0)[1]
for lock in locks.values():
    lock.release()
assert client() is of_parent
