/* Holds the lists that grow by doubling against those that grow by one element: the functions of the stand-in's parser,
 * STOCK as they are and PATCHED as the patch linear-parse leaves them. growth.c ROUNDS */
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct heap {
    size_t now, peak, blocks, copies;
    long fail_at;
};
static struct heap heap;

static void *counted_malloc(size_t size_bytes) {
    if (heap.fail_at-- == 0)
        return NULL;
    void *block = malloc(size_bytes);
    if (!block)
        exit(3);
    memset(block, 0xa5, size_bytes);
    heap.now += size_bytes;
    heap.blocks++;
    heap.copies++;
    if (heap.now > heap.peak)
        heap.peak = heap.now;
    return block;
}

/* The size that was asked for is not kept: what is held is measured where lists are whole. */
static void counted_free(void *block) {
    heap.blocks -= block != NULL;
    free(block);
}

#define MALLOC(size) counted_malloc(size)
#define FREE(block) counted_free(block)
#define tomlc99_grow stock_grow
#define expand_ptrarr stock_expand_ptrarr
#define expand_arritem stock_expand_arritem
#define toml_arritem_t stock_item
#define toml_arritem stock_item_tag
#include STOCK
#undef tomlc99_grow
#undef expand_ptrarr
#undef expand_arritem
#undef toml_arritem_t
#undef toml_arritem
#include PATCHED

static void demand(bool holds, const char *what, int count) {
    if (holds)
        return;
    fprintf(stderr, "%s, with %d elements\n", what, count);
    exit(1);
}

/* Appends so many elements with both, and compares all that callers see after each. */
static void compare(int count) {
    void **stock = NULL, **patched = NULL;
    stock_item *stock_items = NULL;
    toml_arritem_t *items = NULL;
    for (int i = 0; i < count; i++) {
        stock = stock_expand_ptrarr(stock, i);
        patched = expand_ptrarr(patched, i);
        demand(patched[i] == NULL && stock[i] == NULL, "a new pointer is not NULL", i + 1);
        stock[i] = patched[i] = (void *)(uintptr_t)(i * 7919 + 1);
        stock_items = stock_expand_arritem(stock_items, i);
        items = expand_arritem(items, i);
        demand(!items[i].kind && !items[i].text && !items[i].array && !items[i].table, "a new item is not empty", i + 1);
        items[i] = (toml_arritem_t){i, (char *)stock[i], items + i, stock_items + i};
        stock_items[i] = (stock_item){i, (char *)stock[i], NULL, NULL};
        if (count < 300 || i == count - 1) {
            demand(memcmp(stock, patched, sizeof(*stock) * (size_t)(i + 1)) == 0, "pointers differ", i + 1);
            for (int j = 0; j <= i; j++)
                demand(items[j].kind == j && items[j].text == stock_items[j].text, "items differ", i + 1);
        }
        demand(malloc_usable_size(patched) <= 2 * sizeof(*patched) * (size_t)(i + 1) + 16, "twice the memory", i + 1);
        demand(malloc_usable_size(items) <= 2 * sizeof(*items) * (size_t)(i + 1) + 16, "twice the memory", i + 1);
    }
    FREE(stock);
    FREE(patched);
    FREE(stock_items);
    FREE(items);
    demand(heap.blocks == 0, "memory is not freed", count);
}

/* Without memory both say so, and the old list is still the caller's. */
static void run_out(int count) {
    void **list = NULL;
    toml_arritem_t *items = NULL;
    for (int i = 0; i < count; i++) {
        heap.fail_at = 0;
        void **more = expand_ptrarr(list, i);
        bool is_full = (i & (i - 1)) == 0;
        demand(!more == is_full, "an allocation where there is room, or none where there is not", i);
        heap.fail_at = -1;
        list = more ? more : expand_ptrarr(list, i);
        heap.fail_at = 0;
        toml_arritem_t *more_items = expand_arritem(items, i);
        demand(!more_items == is_full, "an allocation where there is room, or none where there is not", i);
        heap.fail_at = -1;
        items = more_items ? more_items : expand_arritem(items, i);
    }
    FREE(list);
    FREE(items);
    demand(heap.blocks == 0, "memory is not freed", count);
}

int main(int argc, char **argv) {
    int rounds = argc > 1 ? atoi(argv[1]) : 0;
    heap.fail_at = -1;
    for (int count = 0; count < rounds; count++)
        compare(count);
    compare(5000);
    run_out(100);
    heap.copies = 0;
    void **pointers = NULL;
    toml_arritem_t *items = NULL;
    demand(tomlc99_grow(&pointers, &items, 100000), "no memory", 100000);
    FREE(pointers);
    FREE(items);
    printf("%zu\n", heap.copies);
    return 0;
}
