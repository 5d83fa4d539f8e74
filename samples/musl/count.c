#include <pthread.h>
#include <stdio.h>
#include <string.h>

static void *measure(void *word) {
    return (void *)strlen(word);
}

int main(int argc, char **argv) {
    size_t sum = 0;
    for (int i = 1; i < argc; i++) {
        pthread_t thread;
        void *length;
        if (pthread_create(&thread, NULL, measure, argv[i]) || pthread_join(thread, &length))
            return 1;
        printf("%s: %zu\n", argv[i], (size_t)length);
        sum += (size_t)length;
    }
    printf("all: %zu\n", sum);
    return 0;
}
