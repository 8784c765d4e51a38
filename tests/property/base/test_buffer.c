/* The buffer against a plain array, through random operations and failing allocations. */
#include "base/buffer.h"
#include "base/bytes.h"
#include "base/rng.h"
#include "support/alloc_fail.h"
#include "support/seed.h"
#include "support/test.h"

typedef struct array {
  uint8_t bytes[4096];
  size_t len;
} array;

static void append(wpm_buffer *buffer, array *model, wpm_rng *rng, size_t cap) {
  uint8_t data[600];
  size_t len = wpm_rng_below(rng, wpm_rng_below(rng, 4) ? 40 : sizeof(data));
  for (size_t i = 0; i < len; i++) {
    data[i] = (uint8_t)wpm_rng_next(rng);
  }
  bool fails = wpm_rng_below(rng, 8) == 0;
  uint8_t *space = NULL;
  int err;
  size_t committed = len;
  if (fails) {
    wpm_alloc_fail_at(1);
  }
  if (wpm_rng_below(rng, 2)) {
    err = wpm_buffer_append(buffer, data, len);
  } else {
    err = wpm_buffer_reserve(buffer, len, &space);
    committed = err ? 0 : wpm_rng_below(rng, len + 1);
    if (committed) {
      memcpy(space, data, committed);
    }
    if (!err) {
      wpm_buffer_commit(buffer, committed);
    }
  }
  size_t failed = fails ? wpm_alloc_failed() : 0;
  wpm_alloc_fail_off();
  if (len > cap - model->len) {
    assert_int_equal(err, WPM_ERR_FULL);
  } else if (failed) {
    assert_int_equal(err, WPM_ERR_NO_MEMORY);
  } else {
    assert_int_equal(err, WPM_OK);
    memcpy(model->bytes + model->len, data, committed);
    model->len += committed;
  }
}

static void behaves_as_an_array(void **state) {
  (void)state;
  wpm_rng rng;
  wpm_rng_init(&rng, wpm_test_seed());
  for (size_t round = 0; round < 60; round++) {
    size_t cap = wpm_rng_below(&rng, sizeof(((array *)NULL)->bytes) + 1);
    wpm_buffer buffer;
    array model = {.len = 0};
    wpm_buffer_init(&buffer, cap);
    for (size_t step = 0; step < 500; step++) {
      uint64_t what = wpm_rng_below(&rng, 100);
      if (what < 50) {
        append(&buffer, &model, &rng, cap);
      } else if (what < 97) {
        size_t len = wpm_rng_below(&rng, model.len + 1);
        wpm_buffer_consume(&buffer, len);
        model.len -= len;
        memmove(model.bytes, model.bytes + len, model.len);
      } else if (what < 98) {
        wpm_buffer_clear(&buffer);
        model.len = 0;
      } else {
        wpm_buffer_release(&buffer);
        assert_true(model.len > 0 || buffer.memory == NULL);
      }
      assert_int_equal(wpm_buffer_size(&buffer), model.len);
      assert_int_equal(wpm_buffer_room(&buffer), cap - model.len);
      assert_true(wpm_bytes_equal(wpm_buffer_view(&buffer), (wpm_bytes){model.bytes, model.len}));
      assert_true(buffer.capacity <= cap + cap / 4 + 1);
    }
    wpm_buffer_fini(&buffer);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(behaves_as_an_array)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
