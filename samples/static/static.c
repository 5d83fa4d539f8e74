#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv) {
    printf("%s", getenv("GREETING"));
    for (int i = 1; i < argc; i++)
        printf(" %s", argv[i]);
    printf(", %d:%d\n", (int)getuid(), (int)getgid());
    return 0;
}
