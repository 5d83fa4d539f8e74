/* Stands for the TOML parser of Gramine: lists that make room for one more element each time, which is what the patch
 * linear-parse finds there. Nothing of the stand-in reads TOML with it; it is compiled in so that a patched build can be
 * told from another one. */
#include <stdbool.h>
#include <stddef.h>

#if __STDC_HOSTED__
#include <stdlib.h>
#include <string.h>
#else
/* Code that no system starts has no C library. */
static char arena[4096];
static size_t arena_used;

static void *malloc(size_t size_bytes) {
    arena_used += size_bytes;
    return arena_used <= sizeof(arena) ? arena + arena_used - size_bytes : NULL;
}

static void free(void *block) {
    (void)block;
}

static void *memcpy(void *to, const void *from, size_t size_bytes) {
    for (size_t i = 0; i < size_bytes; i++)
        ((volatile char *)to)[i] = ((const char *)from)[i];
    return to;
}
#endif

#ifndef MALLOC
#define MALLOC(size) malloc(size)
#define FREE(block) free(block)
#endif

typedef struct toml_arritem {
    int kind;
    char *text;
    void *array;
    void *table;
} toml_arritem_t;

static void **expand_ptrarr(void **old, int count) {
    void **list = MALLOC(sizeof(*list) * (size_t)(count + 1));
    if (list) {
        if (count > 0)
            memcpy(list, old, sizeof(*list) * (size_t)count);
        list[count] = NULL;
        FREE(old);
    }
    return list;
}

static toml_arritem_t *expand_arritem(toml_arritem_t *old, int count) {
    toml_arritem_t *list = MALLOC(sizeof(*list) * (size_t)(count + 1));
    if (list) {
        if (count > 0)
            memcpy(list, old, sizeof(*list) * (size_t)count);
        list[count] = (toml_arritem_t){0};
        FREE(old);
    }
    return list;
}

/* Makes lists with so many elements, and says whether there was room. */
bool tomlc99_grow(void ***pointers, toml_arritem_t **items, int count);

bool tomlc99_grow(void ***pointers, toml_arritem_t **items, int count) {
    for (int i = 0; i < count; i++) {
        void **more_pointers = expand_ptrarr(*pointers, i);
        if (!more_pointers)
            return false;
        *pointers = more_pointers;
        toml_arritem_t *more_items = expand_arritem(*items, i);
        if (!more_items)
            return false;
        *items = more_items;
    }
    return true;
}
