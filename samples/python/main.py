"""Threads, a database, cryptography, a child process, a file, the time of a place: what programs in Python commonly use."""
import hashlib
import json
import locale
import os
import socket
import sqlite3
import ssl
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

with ThreadPoolExecutor(4) as pool:
    hashes = list(pool.map(lambda word: hashlib.sha256(word.encode()).hexdigest()[:8], sys.argv[1:]))

with tempfile.NamedTemporaryFile(suffix=".db") as file:
    database = sqlite3.connect(file.name)
    database.execute("create table words (word text, hash text)")
    database.executemany("insert into words values (?, ?)", zip(sys.argv[1:], hashes))
    database.commit()
    rows = database.execute("select word, hash from words order by hash").fetchall()
    database.close()

child = subprocess.run(["/bin/echo", "a child"], capture_output=True, text=True, check=True)
print(json.dumps({
    "argv": sys.argv,
    "rows": rows,
    "directory": os.getcwd(),
    "greeting": os.environ["GREETING"],
    "child": child.stdout.strip(),
    "time": time.strftime("%H:%M %Z", time.localtime(1700000000)),
    "locale": locale.setlocale(locale.LC_ALL, ""),
    "localhost": sorted({found[4][0] for found in socket.getaddrinfo("localhost", 80)}),
    "tls": ssl.TLSVersion.TLSv1_3.name,
}, indent=1))
