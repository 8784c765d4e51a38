/* Finding whoever was looked at last takes no hash; it must be found as any other is. */
#include "core/store.h"
#include "support/core/store_kit.h"
#include "support/core/world.h"

#include "core/manager.h"

static int setup(void **state) {
  wpm_store_config config;
  wpm_store_config_default(&config);
  wpm_store *store = wpm_kit_new(&config);
  wpm_store_advance(store, wpm_kit_instant(0));
  *state = store;
  return 0;
}

/* Makes it the one looked at last. */
static uint32_t look_at(const wpm_store *store, unsigned number) {
  uint32_t slot = wpm_store_find(store, wpm_kit_id(number));
  assert_true(slot != WPM_SLOT_NONE);
  assert_int_equal(store->latest, slot);
  return slot;
}

static void a_tombstone_is_found_as_one_alone(void **state) {
  wpm_store *store = *state;
  wpm_kit_add(store, 1);
  wpm_kit_add(store, 2);
  wpm_kit_set_wait(store, 1, WPM_WAIT_BAN, WPM_HOUR);
  uint32_t slot = look_at(store, 1);
  assert_true(wpm_store_bans(store, wpm_kit_id(1), wpm_kit_instant(0)));
  assert_int_equal(wpm_store_remove(store, wpm_kit_id(1)), WPM_OK);
  assert_int_equal(wpm_store_tombstone_count(store), 1);
  assert_int_equal(wpm_store_find(store, wpm_kit_id(1)), WPM_SLOT_NONE);
  assert_int_equal(wpm_store_find_any(store, wpm_kit_id(1)), slot);
  assert_true(wpm_store_bans(store, wpm_kit_id(1), wpm_kit_instant(0)));
  assert_false(wpm_store_bans(store, wpm_kit_id(2), wpm_kit_instant(0)));

  wpm_taken taken; /* It comes back: added, not found. */
  assert_int_equal(wpm_store_take(store, wpm_kit_id(1), &taken), WPM_OK);
  assert_true(taken.added);
  wpm_store_keep(store, &taken);
  assert_int_equal(wpm_store_take(store, wpm_kit_id(1), &taken), WPM_OK);
  assert_false(taken.added);
  assert_int_equal(taken.slot, look_at(store, 1));
  assert_int_equal(taken.victim, WPM_SLOT_NONE);
}

static void a_slot_of_another_is_not_taken_for_it(void **state) {
  wpm_store *store = *state;
  wpm_kit_add(store, 1);
  wpm_kit_add(store, 2);
  uint32_t slot = look_at(store, 2);
  assert_int_equal(wpm_store_remove(store, wpm_kit_id(2)), WPM_OK);
  assert_int_equal(wpm_store_find_any(store, wpm_kit_id(2)), WPM_SLOT_NONE);
  wpm_kit_add(store, 3);
  assert_int_equal(look_at(store, 3), slot);
  assert_int_equal(wpm_store_find(store, wpm_kit_id(2)), WPM_SLOT_NONE);
  assert_int_equal(wpm_store_find_any(store, wpm_kit_id(2)), WPM_SLOT_NONE);
  wpm_taken taken;
  assert_int_equal(wpm_store_take(store, wpm_kit_id(2), &taken), WPM_OK);
  assert_true(taken.added && taken.slot != slot);
}

/* Its FORGET has not been pulled: the manager still has the slot, which is no peer's any more. */
static void a_removed_peer_in_use_is_found_as_one_alone(void **state) {
  wpm_world *w = *state;
  const wpm_bytes id = wpm_world_id(1);
  const wpm_bytes address = wpm_world_address(1, 60000);
  wpm_event e = {.type = WPM_EVENT_FOUND, .peer = id};
  e.u.found.addresses = &address;
  e.u.found.address_count = 1;
  e.u.found.source = WPM_SOURCE_DISCV5;
  assert_int_equal(wpm_manager_handle(w->manager, &e, w->now), WPM_OK);
  const wpm_store *store = w->manager->store;
  uint32_t slot = wpm_store_find(store, id);
  e = (wpm_event){.type = WPM_EVENT_PERSON_REMOVE, .peer = id};
  assert_int_equal(wpm_manager_handle(w->manager, &e, w->now), WPM_OK);
  assert_int_equal(wpm_store_find(store, id), WPM_SLOT_NONE);
  assert_int_equal(wpm_store_find_any(store, id), slot);
  assert_false(wpm_store_bans(store, id, w->now));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(a_tombstone_is_found_as_one_alone, setup, wpm_kit_teardown),
      cmocka_unit_test_setup_teardown(a_slot_of_another_is_not_taken_for_it, setup,
                                      wpm_kit_teardown),
      cmocka_unit_test_setup_teardown(a_removed_peer_in_use_is_found_as_one_alone, wpm_world_setup,
                                      wpm_world_teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
