#include "support/net/names.h"

#include "support/test.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <string.h>

#define NAMES_MAX 8
#define ADDRESSES_MAX 16

/* libuv, a shared library, is to find these. */
#define EXPORTED __attribute__((visibility("default")))

static struct {
  const char *name;
  struct in_addr addresses[ADDRESSES_MAX];
  size_t count;
} names[NAMES_MAX];
static size_t name_count;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; /* Look-ups are on libuv's threads. */
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool waiting;
static size_t asked;

void names_set(const char *name, const char *const *addresses, size_t count) {
  pthread_mutex_lock(&mutex);
  size_t i = 0;
  while (i < name_count && strcmp(names[i].name, name) != 0) {
    i++;
  }
  assert_true(i < NAMES_MAX && count <= ADDRESSES_MAX);
  name_count += i == name_count;
  names[i].name = name;
  names[i].count = count;
  for (size_t a = 0; a < count; a++) {
    assert_int_equal(inet_pton(AF_INET, addresses[a], &names[i].addresses[a]), 1);
  }
  pthread_mutex_unlock(&mutex);
}

void names_wait(void) {
  pthread_mutex_lock(&mutex);
  waiting = true;
  pthread_mutex_unlock(&mutex);
}

void names_go_on(void) {
  pthread_mutex_lock(&mutex);
  waiting = false;
  pthread_cond_broadcast(&changed);
  pthread_mutex_unlock(&mutex);
}

size_t names_asked(void) {
  pthread_mutex_lock(&mutex);
  size_t count = asked;
  pthread_mutex_unlock(&mutex);
  return count;
}

/* One entry of the list, with the address behind it. NULL: no memory. */
static struct addrinfo *new_entry(struct in_addr address, struct addrinfo *next) {
  struct addrinfo *entry = calloc(1, sizeof *entry + sizeof(struct sockaddr_in));
  if (!entry) {
    return NULL;
  }
  struct sockaddr_in *in = (struct sockaddr_in *)(void *)(entry + 1);
  *in = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = address};
  entry->ai_family = AF_INET;
  entry->ai_socktype = SOCK_STREAM;
  entry->ai_addrlen = sizeof *in;
  entry->ai_addr = (struct sockaddr *)in;
  entry->ai_next = next;
  return entry;
}

EXPORTED void freeaddrinfo(struct addrinfo *list) {
  while (list) {
    struct addrinfo *next = list->ai_next;
    free(list);
    list = next;
  }
}

static int list_addresses(size_t i, struct addrinfo **out) {
  struct addrinfo *list = NULL;
  for (size_t a = names[i].count; a > 0; a--) {
    struct addrinfo *entry = new_entry(names[i].addresses[a - 1], list);
    if (!entry) {
      freeaddrinfo(list);
      return EAI_MEMORY;
    }
    list = entry;
  }
  *out = list;
  return list ? 0 : EAI_NODATA;
}

EXPORTED int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                         struct addrinfo **out) {
  (void)service;
  int result = EAI_NONAME;
  pthread_mutex_lock(&mutex);
  asked++;
  while (waiting) {
    pthread_cond_wait(&changed, &mutex);
  }
  for (size_t i = 0; i < name_count; i++) {
    if (strcmp(names[i].name, name) == 0 && hints->ai_family != AF_INET6) {
      result = list_addresses(i, out);
    }
  }
  pthread_mutex_unlock(&mutex);
  return result;
}
