"""Runs a program on a terminal of its own, types ANSWER when it asks QUESTION, and prints all that the terminal showed.

answer-on-terminal.py QUESTION ANSWER PROGRAM ARG...
"""

import os
import pty
import sys

question, answer, *command = sys.argv[1:]
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(command[0], command)
shown = b""
asked = False
while True:
    try:
        piece = os.read(terminal, 4096)
    except OSError:
        break
    if not piece:
        break
    shown += piece
    if not asked and question.encode() in shown:
        asked = True
        os.write(terminal, answer.encode())
_, status = os.waitpid(pid, 0)
sys.stdout.write(shown.decode())
sys.exit(os.waitstatus_to_exitcode(status) & 0xFF)
