"""Runtimes that answer what a script says, rightly or wrongly."""

from octavo.extraction.vlm.options import RuntimeOptions
from octavo.extraction.vlm.protocol import Finish, Identity, Reply

OPTIONS = RuntimeOptions(runtime="molmo2", model="fake", window_crops=4, min_side_px=112)


class Scripted:
    """Answers by ``script(question)``: a text, a Reply, or an exception to raise. Keeps every question."""

    versions = "scripted 1"

    def __init__(self, script, model="fake", batch=3):
        self.identity = Identity(model, "r1")
        self.script = script
        self.batch = batch
        self.questions = []
        self.closed = False

    def ask(self, questions):
        for first in range(0, len(questions), self.batch):
            replies = []
            for place in range(first, min(first + self.batch, len(questions))):
                self.questions.append(questions[place])
                said = self.script(questions[place])
                if isinstance(said, BaseException):
                    raise said
                replies.append((place, said if isinstance(said, Reply) else Reply(said, Finish.STOP, 430, 10, 0.5)))
            yield replies

    def close(self):
        self.closed = True
