/* Starts a thread. */
#include <pthread.h>

int start(void *(*run)(void *));

int start(void *(*run)(void *)) {
  pthread_t thread;
  return pthread_create(&thread, NULL, run, NULL);
}
