#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv) {
    char directory[256];
    for (int i = 1; i < argc; i++)
        printf("hello, %s\n", argv[i]);
    printf("from %s, user %d, in %s\n", argv[0], (int)getuid(), getcwd(directory, sizeof(directory)));
    return 0;
}
