"""One page as everybody looks at it: level lines, labels, values, reading order, its picture.

Stages, drafting and views ask this room about a page. It never decides which value a field takes, and reads no stage's output.
"""
