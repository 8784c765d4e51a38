package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"

	leveldb "github.com/ipfs/go-ds-leveldb"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/peerstore"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/p2p/host/peerstore/pstoreds"
	"github.com/libp2p/go-libp2p/p2p/host/peerstore/pstoremem"
	ma "github.com/multiformats/go-multiaddr"
)

const (
	checkedLookups = 10_000 // the first look-ups, whose answer is compared
	breath         = 100    // look-ups between two looks at the clock
	page           = 10
	leastTime      = 500 * time.Millisecond
)

// peerFile is the file that all implementations read; its format stands in bench/store/peer_file.h.
type peerFile struct {
	data      []byte // mapped: outside the heap that is measured
	peers     int
	protocols []protocol.ID
	asked     protocol.ID
	offsets   []uint32
	order     int // where the permutation begins
}

func openPeerFile(path string) (*peerFile, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	data, err := syscall.Mmap(int(f.Fd()), 0, int(info.Size()), syscall.PROT_READ,
		syscall.MAP_PRIVATE|syscall.MAP_POPULATE)
	if err != nil {
		return nil, err
	}
	if len(data) < 14 || string(data[:8]) != "wpmpeer2" {
		return nil, fmt.Errorf("%s is no file of peers", path)
	}
	file := &peerFile{data: data, peers: int(binary.LittleEndian.Uint32(data[8:]))}
	at := 14
	for range data[12] {
		n := int(data[at])
		file.protocols = append(file.protocols, protocol.ID(data[at+1:at+1+n]))
		at += 1 + n
	}
	file.asked = file.protocols[data[13]]
	file.offsets = make([]uint32, file.peers)
	for i := range file.offsets {
		file.offsets[i] = uint32(at)
		at += 2 + int(data[at]) // id, connectivity
		count := int(data[at])
		at++
		for range count {
			at += 1 + int(data[at])
		}
		at += 1 + int(data[at]) // protocols
		at += 1 + int(data[at]) // shards
	}
	file.order = at
	return file, nil
}

func (f *peerFile) id(i int) (peer.ID, int, error) {
	at := int(f.offsets[i])
	n := int(f.data[at])
	id, err := peer.IDFromBytes(f.data[at+1 : at+1+n])
	return id, at + 2 + n, err
}

func (f *peerFile) get(i int) (peer.ID, []ma.Multiaddr, []protocol.ID, error) {
	id, at, err := f.id(i)
	if err != nil {
		return "", nil, nil, err
	}
	addrs := make([]ma.Multiaddr, f.data[at])
	at++
	for j := range addrs {
		n := int(f.data[at])
		if addrs[j], err = ma.NewMultiaddrBytes(f.data[at+1 : at+1+n]); err != nil {
			return "", nil, nil, err
		}
		at += 1 + n
	}
	protocols := make([]protocol.ID, f.data[at])
	for j := range protocols {
		protocols[j] = f.protocols[f.data[at+1+j]]
	}
	return id, addrs, protocols, nil
}

func (f *peerFile) shards(i int) (peer.ID, []uint16, error) {
	id, at, err := f.id(i)
	if err != nil {
		return "", nil, err
	}
	count := int(f.data[at])
	at++
	for range count {
		at += 1 + int(f.data[at])
	}
	at += 1 + int(f.data[at])
	shards := make([]uint16, f.data[at])
	for j := range shards {
		shards[j] = uint16(f.data[at+1+j])
	}
	return id, shards, nil
}

type stores struct {
	file  *peerFile
	store peerstore.Peerstore
}

func openDatastore(dir string) (peerstore.Peerstore, error) {
	ds, err := leveldb.NewDatastore(dir, nil) // its default: each write is synced
	if err != nil {
		return nil, err
	}
	return pstoreds.NewPeerstore(context.Background(), ds, pstoreds.DefaultOpts())
}

// storeMain: store PEERS [DIRECTORY] | store-start DIRECTORY PROTOCOL. With a directory the store is
// pstoreds on leveldb there, else pstoremem.
func storeMain(words []string) error {
	if len(words) < 1 || len(words) > 2 {
		return errors.New("use: store PEERS [DIRECTORY]")
	}
	file, err := openPeerFile(words[0])
	if err != nil {
		return err
	}
	s := stores{file: file}
	if len(words) == 2 {
		s.store, err = openDatastore(words[1])
	} else {
		// It would drop what exceeds the cap without a word.
		s.store, err = pstoremem.NewPeerstore(pstoremem.WithMaxAddresses(1 << 40))
	}
	if err != nil {
		return err
	}
	say(map[string]any{"peers": file.peers, "heap": heap()})
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		if err := s.obey(in.Text()); err != nil {
			return err
		}
	}
	return errors.Join(in.Err(), s.store.Close())
}

func storeStart(words []string) error {
	if len(words) != 2 {
		return errors.New("use: store-start DIRECTORY PROTOCOL")
	}
	store, err := openDatastore(words[0])
	if err != nil {
		return err
	}
	s := stores{store: store}
	answer, err := s.supporting(protocol.ID(words[1]), -1, nil)
	if err != nil {
		return err
	}
	say(map[string]any{"answer": answer})
	return store.Close()
}

func (s *stores) obey(line string) error {
	name, limit, _ := strings.Cut(line, " ")
	count := s.file.peers
	if limit != "" {
		if _, err := fmt.Sscan(limit, &count); err != nil {
			return err
		}
	}
	switch name {
	case "insert", "again":
		return s.putAll(count)
	case "settle":
		debug.FreeOSMemory() // collects garbage first
		say(map[string]any{"heap": heap()})
		return nil
	case "lookup":
		return s.lookup()
	case "count":
		return repeated(func() (int, error) { return s.supporting(s.file.asked, -1, nil) })
	case "list":
		return repeated(func() (int, error) { return s.list(-1) })
	case "page":
		return repeated(func() (int, error) { return s.list(page) })
	case "shards":
		return s.putShards()
	case "pick":
		return repeated(func() (int, error) { return s.pick(page) })
	}
	return fmt.Errorf("unknown command %q", line)
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func timed(count int, took time.Duration, answer int) {
	say(map[string]any{"count": count, "seconds": took.Seconds(), "answer": answer})
}

// repeated runs once at least, and on for as long as the benchmark asks.
func repeated(once func() (int, error)) error {
	begin := time.Now()
	for rounds := 1; ; rounds++ {
		answer, err := once()
		if err != nil {
			return err
		}
		if took := time.Since(begin); took >= leastTime {
			timed(rounds, took, answer)
			return nil
		}
	}
}

func (s *stores) putAll(count int) error {
	begin := time.Now()
	for i := range count {
		id, addrs, protocols, err := s.file.get(i)
		if err != nil {
			return err
		}
		s.store.AddAddrs(id, addrs, peerstore.AddressTTL)
		if err := s.store.SetProtocols(id, protocols...); err != nil {
			return err
		}
	}
	timed(count, time.Since(begin), count)
	return nil
}

func (s *stores) addressBytes(id peer.ID) (bytes int) {
	for _, addr := range s.store.Addrs(id) {
		for _, part := range addr {
			bytes += len(part.Bytes())
		}
	}
	return bytes
}

func (s *stores) lookup() error {
	ids := make([]peer.ID, s.file.peers)
	for i := range ids {
		var err error
		index := binary.LittleEndian.Uint32(s.file.data[s.file.order+4*i:])
		if ids[i], _, err = s.file.id(int(index)); err != nil {
			return err
		}
	}
	answer := 0
	at := min(checkedLookups, len(ids))
	for _, id := range ids[:at] {
		answer += s.addressBytes(id)
	}
	begin := time.Now()
	for count := breath; ; count += breath {
		for range breath {
			if at == len(ids) {
				at = 0
			}
			if len(s.store.Addrs(ids[at])) == 0 {
				return errors.New("look-up: no addresses")
			}
			at++
		}
		if took := time.Since(begin); took >= leastTime {
			timed(count, took, answer)
			return nil
		}
	}
}

// supporting goes through all peers, as there is no index; it ends after `most` of them (-1: all).
func (s *stores) supporting(p protocol.ID, most int, each func(peer.ID)) (int, error) {
	found := 0
	for _, id := range s.store.Peers() {
		if found == most {
			break
		}
		supported, err := s.store.SupportsProtocols(id, p)
		if err != nil {
			return 0, err
		}
		if len(supported) > 0 {
			found++
			if each != nil {
				each(id)
			}
		}
	}
	return found, nil
}

const shardsKey = "shards"

// putShards keeps each peer's shards as metadata.
func (s *stores) putShards() error {
	begin := time.Now()
	for i := range s.file.peers {
		id, shards, err := s.file.shards(i)
		if err != nil {
			return err
		}
		if err := s.store.Put(id, shardsKey, shards); err != nil {
			return err
		}
	}
	timed(s.file.peers, time.Since(begin), s.file.peers)
	return nil
}

var relays = []protocol.ID{"/floodsub/1.0.0", "/meshsub/1.1.0", "/meshsub/1.2.0",
	"/vac/waku/relay/2.0.0"}

// pick draws `most` peers at random of those that have an address, relay, and are of a shard. There
// is no index: it goes through all of them, the cheapest question first.
func (s *stores) pick(most int) (int, error) {
	const shard = 3
	var matching []peer.ID
	for _, id := range s.store.PeersWithAddrs() {
		supported, err := s.store.SupportsProtocols(id, relays...)
		if err != nil {
			return 0, err
		}
		if len(supported) == 0 {
			continue
		}
		value, err := s.store.Get(id, shardsKey)
		if err != nil {
			return 0, err
		}
		if slices.Contains(value.([]uint16), shard) {
			matching = append(matching, id)
		}
	}
	picked := min(most, len(matching))
	for i := range picked {
		j := i + rand.IntN(len(matching)-i)
		matching[i], matching[j] = matching[j], matching[i]
	}
	return picked, nil
}

func (s *stores) list(most int) (int, error) {
	bytes := 0
	_, err := s.supporting(s.file.asked, most, func(id peer.ID) { bytes += s.addressBytes(id) })
	return bytes, err
}
