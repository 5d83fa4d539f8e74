"""Threads, a database, cryptography, a child process, a file: what programs in Python commonly use."""
import hashlib
import json
import os
import sqlite3
import ssl
import subprocess
import sys
import tempfile
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
    "tls": ssl.TLSVersion.TLSv1_3.name,
}, indent=1))
