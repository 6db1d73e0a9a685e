/* Holds a pod's namespaces: waits for its end, and for processes that lost their parents. */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void reap(int number) {
  (void)number;
  while (waitpid(-1, 0, WNOHANG) > 0) {
  }
}

static void end(int number) {
  (void)number;
  _exit(0);
}

int main(void) {
  struct sigaction reaping = {.sa_handler = reap, .sa_flags = SA_NOCLDSTOP}, ending = {.sa_handler = end};
  sigaction(SIGCHLD, &reaping, 0);
  sigaction(SIGTERM, &ending, 0);
  sigaction(SIGINT, &ending, 0);
  for (;;) {
    pause();
  }
}
