/**
 * The script that changes the cloned sources: `apply-patches.py DIRECTORY PATCH...`, with Python 3 from 3.6 on, which every
 * build of Gramine needs anyway. A `.c` file has functions to be put in place of those of the same name, a `.patch` file is a
 * unified diff. A patch that does not fit ends the build, and leaves the sources as they were.
 */
export const applyScript = String.raw`#!/usr/bin/env python3
"""Changes cloned sources: apply-patches.py DIRECTORY PATCH...

A patch NAME.c replaces functions of one file, in these lines of its own:
  //@ file PATTERN      which file, below DIRECTORY
  //@ fits SHA256 WHAT  what that file must be, one line for each that the patch was made for
  //@ lines WHY         no line of the file may move
  //@ function NAME     what follows replaces that function, with helpers of its own before it
A patch NAME.patch is a unified diff, for git apply. Subprojects that a patch changes are downloaded before."""
import glob
import hashlib
import os
import re
import subprocess
import sys


def fail(patch, problem, hint):
    print('apply-patches.py: {}: {}'.format(os.path.basename(patch), problem), file=sys.stderr)
    print('gsc hint: {}'.format(hint), file=sys.stderr)
    sys.exit(1)


def directives(text, word):
    return re.findall(r'^//@ {} (.+)$'.format(word), text, re.M)


def function_at(text, name):
    """Where each definition of a function begins and ends: from the line with its name to the line with only a }."""
    pattern = r'^[A-Za-z_][^;(\n]*\b{}\([^;{{}}]*\)\s*\{{.*?^\}}\n'.format(re.escape(name))
    return [found.span() for found in re.finditer(pattern, text, re.M | re.S)]


def replaced(patch, path, text, functions, keeps_lines):
    for name, code in functions:
        places = function_at(text, name)
        if len(places) != 1:
            fail(patch, '{}: expected one function {}, found {}'.format(path, name, len(places)), off)
        start, end = places[0]
        missing = text[start:end].count('\n') - code.count('\n')
        if missing < 0 and keeps_lines:
            fail(patch, '{}: the new {} has more lines than the old one'.format(path, name), off)
        text = text[:start] + code + '\n' * (missing if keeps_lines else 0) + text[end:]
    return text


off = 'name the patches that fit as Gramine.Patches in the configuration; Gramine.Patches: [] builds the sources as they are'

archives = 'put its archive into the directory that Gramine.Subprojects names, or let the build reach the network'


def replace_functions(patch, text):
    [pattern] = directives(text, 'file')
    paths = sorted(glob.glob(pattern))
    if len(paths) != 1:
        fail(patch, 'expected one file {} in the sources, found {}'.format(pattern, len(paths)), off)
    [path] = paths
    with open(path, newline='') as file:
        source = file.read()
    digest = hashlib.sha256(source.encode()).hexdigest()
    known = [line.split(' ', 1) for line in directives(text, 'fits')]
    if digest not in [each for each, _ in known]:
        made_for = ' or '.join(what for _, what in known)
        fail(patch, 'does not fit {}: made for {}, got SHA-256 {}'.format(path, made_for, digest), off)
    functions = re.findall(r'^//@ function (\w+)\n(.*?^\}\n)(?=\n//@|\n*\Z)', text, re.M | re.S)
    changed = replaced(patch, path, source, functions, directives(text, 'lines'))
    with open(path + '.new', 'w', newline='') as file:
        file.write(changed)
    os.replace(path + '.new', path)
    print('{}: {} of {}'.format(os.path.basename(patch), ', '.join(name for name, _ in functions), path))


def download(patch, subproject):
    for wrap in sorted(glob.glob('subprojects/{}.wrap'.format(subproject))):
        name = os.path.basename(wrap)[:-len('.wrap')]
        if subprocess.run(['meson', 'subprojects', 'download', name]).returncode != 0:
            fail(patch, 'the subproject {} cannot be downloaded'.format(name), archives)


def apply(patch):
    with open(patch, encoding='utf-8', errors='surrogateescape', newline='') as file:
        text = file.read()
    is_code = patch.endswith('.c')
    files = directives(text, 'file') if is_code else re.findall(r'^\+\+\+ b/(\S+)', text, re.M)
    for subproject in sorted({name.split('/')[1] for name in files if name.startswith('subprojects/')}):
        download(patch, subproject)
    if is_code:
        replace_functions(patch, text)
    elif subprocess.run(['git', 'apply', '--verbose', '--whitespace=nowarn', patch]).returncode != 0:
        fail(patch, 'does not fit the sources', 'make it with git diff against the revision that Gramine.Branch names')


# Elsewhere the paths of the patches would change with the directory.
patches = [os.path.abspath(each) for each in sys.argv[2:]]
os.chdir(sys.argv[1])
for each in patches:
    apply(each)
`;
