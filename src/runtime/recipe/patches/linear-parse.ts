import { linearParse, patchMark } from '../../patch-marks.ts';
import type { SourcePatch } from './source-patch.ts';

/**
 * Why: Gramine's TOML parser, tomlc99, makes a new array for each element that it appends and copies the old one, so that a
 * list of n trusted files costs n² / 2 copies. PAL and library OS both parse the manifest, in every process: 9,212 files
 * took a start of 5 s where 0.5 s are enough.
 *
 * How: the room of an array is a power of two, and it is doubled when its length is one. The length alone tells that, so no
 * structure changes, and callers stay as they are: they append one element at a time and never shrink. An array takes at most
 * twice its memory.
 *
 * Where: Gramine 1.0 to 1.9 and master (of 2025) all build the same commit of tomlc99, so that one text does for all. The
 * functions may not have more lines than those in whose place they are put: messages of the parser have line numbers.
 */
export const linearParsePatch: SourcePatch = {
  name: linearParse,
  fileName: `${linearParse}.c`,
  content: Buffer.from(`/*
 * linear-parse: the arrays of the TOML parser grow by doubling, so that a manifest is parsed in linear time.
 * The room is a power of two, and used up when the length is one; the length alone tells it.
 */
//@ file subprojects/tomlc99*/toml.c
//@ fits 98115b4483f4c23f6f22b19f1fb86e2a0e3855c02aa1eed21d8a19f9afbc6c35 tomlc99 208203af, of Gramine 1.0 to master
//@ fits d07cfc38bd99c384e8b5d96707f675e1120dc479f36f35484a1c1e3168b0f4da gsc's stand-in runtime
//@ lines messages of the parser have line numbers

//@ function expand_ptrarr
static void** expand_ptrarr(void** p, int n)
{
	static const char mark[] __attribute__((used)) = "${patchMark(linearParse)}";
	bool is_full = (n & (n - 1)) == 0;
	void** room = is_full ? MALLOC((n ? 2 * (size_t)n : 1) * sizeof(*room)) : p;
	if (!room) return 0;
	if (is_full && n) memcpy(room, p, n * sizeof(*room));
	if (is_full) FREE(p);
	return room[n] = 0, room;
}

//@ function expand_arritem
static toml_arritem_t* expand_arritem(toml_arritem_t* p, int n)
{
	bool is_full = (n & (n - 1)) == 0;
	toml_arritem_t* room = is_full ? MALLOC((n ? 2 * (size_t)n : 1) * sizeof(*room)) : p;
	if (room && is_full && n) memcpy(room, p, n * sizeof(*room));
	if (room && is_full) FREE(p);
	return room ? (room[n] = (toml_arritem_t){0}, room) : 0;
}
`),
};
