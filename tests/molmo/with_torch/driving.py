"""Rows of a batch that write what a test wants, as far as the grammar lets them."""

from itertools import count

from PIL import Image

from octavo.extraction.vlm.protocol import Finish, Question

SCHEMA = {
    "type": "object", "properties": {"name": {"type": "string", "maxLength": 300}}, "required": ["name"], "additionalProperties": False,
}
STOP, LIMIT = "bb", 72
LETTERS = "cdefghijklmnopqrstuvwxyz"
# How a row goes on within the string, by the number of the token, and how it ends: a loop after 64 tokens, the others sooner or later.
WAYS = {
    "loops": (lambda step: "a", Finish.LOOP),
    "stop text": (lambda step: "b" if step > 30 else LETTERS[step * step % 23], Finish.STOP),
    "ends": (lambda step: '"' if step > 20 else LETTERS[step * step % 23], Finish.STOP),
    "too long": (lambda step: LETTERS[(step * step + step // 7) % 23], Finish.LENGTH),
}


def drive(runtime, head, ways, before=lambda step: None):
    """The replies to one batch of a row for each of ``ways``, in their order.

    Args:
        runtime: an open one, of either family.
        head: the layer of its model that gives the scores of the tokens.
        ways: names in ``WAYS``.
        before: called with the number of each step, from 1.
    """
    steps, tokenizer = count(1), runtime.processor.tokenizer

    def prefer(module, inputs, output):
        step, output = next(steps), output.clone()
        before(step)
        output[..., tokenizer.convert_tokens_to_ids('"')] += 1e3  # else random weights may open the text and close it with one token
        for row, way in enumerate(ways):
            output[row, ..., tokenizer.convert_tokens_to_ids(WAYS[way][0](step))] += 1e4
        return output

    asked = Question(Image.new("RGB", (120, 112), "white"), "Read this.", SCHEMA, LIMIT, (STOP,))
    handle = head.register_forward_hook(prefer)
    try:
        # The answers of one ``ask`` are one batch, in the questions' order: they are of one size.
        found = dict(reply for batch in runtime.ask([asked] * len(ways)) for reply in batch)
    finally:
        handle.remove()
    return [found[place] for place in range(len(ways))]


def assert_as_alone(replies, ways, alone):
    """Each row of a batch has ended in its way, with the tokens that it has alone.

    Args:
        replies: of ``drive``.
        ways: that it was given.
        alone: for each way, the reply to a batch of this row only.
    """
    assert [reply.finish for reply in replies] == [WAYS[way][1] for way in ways]
    assert [reply.token_ids for reply in replies] == [alone[way].token_ids for way in ways]
    texts = dict(zip(ways, (reply.text for reply in replies), strict=True))
    assert texts["loops"].startswith('{"name":"aaaa')
    assert texts["ends"].endswith('"}')
    assert STOP not in texts["stop text"]
