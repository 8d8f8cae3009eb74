"""A real Ray cluster on the loopback: a head that runs no stages, and nodes that come and go."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}  # or 127.0.0.1 is taken for the outer address
os.environ |= LOOPBACK | {"RAY_agent_register_timeout_ms": "300000"}  # a busy machine takes longer than Ray's 30 s
HEAD = {"num_cpus": 0, "include_dashboard": False}
PORTS = ("metrics_agent_port", "runtime_env_agent_port", "metrics_export_port", "dashboard_agent_listen_port")


@contextmanager
def cluster() -> Iterator[Any]:
    """A `ray.cluster_utils.Cluster` with its head alone; its `address` is that for drivers."""
    from ray.cluster_utils import Cluster

    nodes = Cluster(initialize_head=True, head_node_args=HEAD | _own())
    try:
        yield nodes
    finally:
        nodes.shutdown()


def add_node(nodes: Any, cpus: int = 1) -> Any:
    """Add a node with so many cores for stages."""
    return nodes.add_node(num_cpus=cpus, **_own())


def kill_node(nodes: Any, node: Any) -> None:
    """Kill all processes of a node, as when its machine is lost."""
    nodes.remove_node(node, allow_graceful=False)


def _own() -> dict[str, Any]:
    """Address and ports of a node: with given ones it need not wait for its agents to choose them."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in PORTS]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return {"node_ip_address": "127.0.0.1", **dict(zip(PORTS, ports, strict=True))}
