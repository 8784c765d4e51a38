package pstorewpm

// #include <stdlib.h>
// #include "shim.h"
import "C"

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
	"unsafe"

	"github.com/libp2p/go-libp2p/core/peer"
)

// writeInterval is how long a change waits for others before all are committed together. With the
// commit itself, at most about a second of changes can be lost.
const writeInterval = 250 * time.Millisecond

// saveBatch is how many records are put into the open batch at a time, while others wait.
const saveBatch = 32

// database writes the changed records of a peerstore behind.
type database struct {
	ps      *Peerstore
	storage *C.wpm_storage
	mu      sync.Mutex // One batch at a time.
	failing bool       // The last batch failed, and that was logged.
	stop    context.CancelFunc
	stopped sync.WaitGroup
}

// Open makes a peerstore that is kept in the SQLite database at path, which is made where it is
// missing, for its owner alone (mode 0600, also where it was wider), and loads what is in it. Changes
// are written behind, in batches, each durable once it is written; Close writes the rest. Metadata must
// be encodable by gob.
func Open(path string, opts ...Option) (*Peerstore, error) {
	ps, err := newPeerstore(opts)
	if err != nil {
		return nil, err
	}
	db := &database{ps: ps}
	if err := db.open(path); err != nil {
		C.wpm_store_free(ps.store)
		return nil, fmt.Errorf("the peerstore at %s: %w", path, err)
	}
	ps.database = db
	ps.dirty, ps.dirtyKeys = make(idSet), make(idSet)
	ps.metadata = gobMetadata{ps}
	ps.collect() // What expired while nobody looked.
	ps.start()
	db.start()
	return ps, nil
}

func (db *database) open(path string) error {
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	var text C.wpm_error
	code := C.wpm_storage_open(name, C.WPM_STORAGE_CREATE, &db.storage, &text)
	if code != C.WPM_OK {
		return storageError(code, &text)
	}
	var skipped C.size_t
	code = C.shim_load(db.storage, db.ps.store, C.bool(db.ps.storePrivateKeys), &skipped, &text)
	if code != C.WPM_OK {
		C.wpm_storage_close(db.storage)
		return storageError(code, &text)
	}
	if skipped != 0 {
		log.Warn("stored peers cannot be read", "path", path, "peers", int(skipped))
	}
	return nil
}

func storageError(code C.int, text *C.wpm_error) error {
	if text.text[0] == 0 {
		return errorOf(code)
	}
	return &Error{Code: int(code), Text: C.GoString(&text.text[0])}
}

func (db *database) start() {
	ctx, cancel := context.WithCancel(context.Background())
	db.stop = cancel
	db.stopped.Add(1)
	go func() {
		defer db.stopped.Done()
		ticker := time.NewTicker(writeInterval)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				db.report(db.flush())
			case <-ctx.Done():
				return
			}
		}
	}()
}

func (db *database) report(err error) {
	if err != nil && !db.failing {
		log.Error("peers cannot be written and wait; trying again", "err", err)
	} else if err == nil && db.failing {
		log.Info("peers are written again")
	}
	db.failing = err != nil
}

func (db *database) close() error {
	db.stop()
	db.stopped.Wait()
	err := db.flush()
	db.mu.Lock()
	defer db.mu.Unlock()
	C.wpm_storage_close(db.storage)
	db.storage = nil
	return err
}

// Flush writes all that has changed. Once it returns nil, everything that was called before it is
// durable. In memory it does nothing.
func (ps *Peerstore) Flush() error {
	if ps.database == nil {
		return nil
	}
	return ps.database.flush()
}

// flush writes the changed records as one batch; after a failure they wait for the next one.
func (db *database) flush() error {
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.storage == nil {
		return ErrClosed
	}
	ps := db.ps
	ps.mu.Lock()
	peers, keys := ps.dirty, ps.dirtyKeys
	if len(peers)+len(keys) == 0 {
		ps.mu.Unlock()
		return nil
	}
	ps.dirty, ps.dirtyKeys = make(idSet, len(peers)), make(idSet)
	ps.mu.Unlock()
	err := db.write(peers, keys)
	if err != nil {
		C.wpm_storage_rollback(db.storage)
		ps.mu.Lock()
		maps.Copy(ps.dirty, peers)
		maps.Copy(ps.dirtyKeys, keys)
		ps.mu.Unlock()
	}
	return err
}

func (db *database) write(peers, keys idSet) error {
	var text C.wpm_error
	if code := C.wpm_storage_begin(db.storage, &text); code != C.WPM_OK {
		return storageError(code, &text)
	}
	for batch := range slices.Chunk(db.inOrder(peers), saveBatch) {
		if err := db.save(batch); err != nil {
			return err
		}
	}
	if err := db.saveKeys(keys); err != nil {
		return err
	}
	if code := C.wpm_storage_commit(db.storage, &text); code != C.WPM_OK {
		return storageError(code, &text)
	}
	return nil
}

// inOrder lists peers as they lie in the file, which is how they are stored fastest.
func (db *database) inOrder(peers idSet) []peer.ID {
	type placed struct {
		place uint64
		id    peer.ID
	}
	list := make([]placed, 0, len(peers))
	for p := range peers {
		data, size := id(p)
		list = append(list, placed{uint64(C.shim_place(db.storage, data, size)), p})
	}
	slices.SortFunc(list, func(a, b placed) int { return cmp.Compare(a.place, b.place) })
	ids := make([]peer.ID, len(list))
	for i := range list {
		ids[i] = list[i].id
	}
	return ids
}

// save puts records into the open batch.
func (db *database) save(peers []peer.ID) error {
	var packed []byte
	for _, p := range peers {
		packed = appendItem(packed, string(p))
	}
	var text C.wpm_error
	var refused C.size_t
	ids, size := bytesOf(packed)
	db.ps.mu.Lock()
	code := C.shim_save(db.storage, db.ps.store, ids, size, &refused, &text)
	db.ps.mu.Unlock()
	if refused != 0 {
		log.Warn("peers cannot be stored as they are", "peers", int(refused))
	}
	if code != C.WPM_OK {
		return storageError(code, &text)
	}
	return nil
}

// saveKeys puts private keys into the open batch.
func (db *database) saveKeys(keys idSet) error {
	var packed []byte
	for p := range keys {
		packed = appendItem(packed, string(p))
	}
	var text C.wpm_error
	ids, size := bytesOf(packed)
	db.ps.mu.Lock()
	code := C.shim_save_private_keys(db.storage, db.ps.store, ids, size, &text)
	db.ps.mu.Unlock()
	if code != C.WPM_OK {
		return storageError(code, &text)
	}
	return nil
}
