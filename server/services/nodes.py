"""The nodes of a network's graph, described for the API."""

from __future__ import annotations

from server.engine import node as engine
from server.engine.trace import Trace
from server.schemas.nodes import LayerField, Node, NodeSummary


def summarise_node(node: engine.Node) -> NodeSummary:
    """What a node is, without what it costs."""
    return NodeSummary(
        name=node.name,
        kind=node.kind,
        module_path=node.module_path,
        call=node.call,
        inputs=list(node.inputs),
        shape=list(node.shape),
        attributes=node.hyperparameters,
        parameters=node.parameters,
    )


def describe_nodes(trace: Trace) -> list[Node]:
    """All nodes with what they cost, in the order in which they ran."""
    return [
        Node(
            **summarise_node(node).model_dump(),
            multiply_accumulates=node.multiply_accumulates,
            activation_bytes=node.activation_bytes,
            saved_for_backward_bytes=node.saved_for_backward_bytes,
            receptive_field=_field(trace, node),
        )
        for node in trace.nodes
    ]


def _field(trace: Trace, node: engine.Node) -> LayerField | None:
    """The closed form of the fields in the first tensor that a node gave."""
    form = trace.sweep().closed(engine.chosen_slot(node, first_item(node)))
    if form is None:
        return None
    return LayerField(size=list(form.size), stride=list(form.stride), start=list(form.start))


def first_item(node: engine.Node) -> tuple[object, ...]:
    """Where in what a node returned its first tensor is, the one whose shape the node has."""
    path: list[object] = []
    result = node.result
    while isinstance(result, dict | list):
        items = result.items() if isinstance(result, dict) else enumerate(result)
        key, result = next((key, item) for key, item in items if any(engine.slots_in(item)))
        path.append(key)
    return tuple(path)
