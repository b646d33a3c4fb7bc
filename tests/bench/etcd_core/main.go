// The same load as core_bench.cpp on etcd's Raft core: three nodes in one thread, no network, no disk.
//
// usage: etcd-core BURST SECONDS [--ready-per-input]
// Prints "NANOSECONDS ALLOCATIONS" per proposal that all three nodes have applied.
package main

import (
	"fmt"
	"io/ioutil"
	"log"
	"os"
	"runtime"
	"strconv"
	"time"

	"go.etcd.io/etcd/raft"
	"go.etcd.io/etcd/raft/raftpb"
)

const (
	payloadBytes = 256
	storedMost   = 4096 // entries in a node's storage before it is compacted
	storedLeast  = 1024 // and after
)

type member struct {
	node    *raft.RawNode
	storage *raft.MemoryStorage
	stored  int
	applied int // normal entries with a payload
}

type group struct {
	members  [3]member
	network  []raftpb.Message
	arriving []raftpb.Message

	readyPerInput bool
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func newGroup() *group {
	raft.SetLogger(&raft.DefaultLogger{Logger: log.New(ioutil.Discard, "", 0)})
	g := &group{}
	for i := range g.members {
		storage := raft.NewMemoryStorage()
		check(storage.ApplySnapshot(raftpb.Snapshot{Metadata: raftpb.SnapshotMetadata{
			Index: 1, Term: 1, ConfState: raftpb.ConfState{Voters: []uint64{1, 2, 3}}}}))
		node, err := raft.NewRawNode(&raft.Config{
			ID: uint64(i + 1), ElectionTick: 10, HeartbeatTick: 1, Storage: storage, Applied: 1,
			MaxSizePerMsg: 1 << 20, MaxInflightMsgs: 4096, PreVote: true, CheckQuorum: true})
		check(err)
		g.members[i] = member{node: node, storage: storage}
	}
	return g
}

// Carries out what an input has left to do.
func (g *group) process(m *member) {
	for m.node.HasReady() {
		ready := m.node.Ready()
		if !raft.IsEmptyHardState(ready.HardState) {
			check(m.storage.SetHardState(ready.HardState))
		}
		check(m.storage.Append(ready.Entries))
		m.stored += len(ready.Entries)
		g.network = append(g.network, ready.Messages...)
		for _, entry := range ready.CommittedEntries {
			if len(entry.Data) > 0 {
				m.applied++
			}
		}
		m.node.Advance(ready)
		if n := len(ready.CommittedEntries); n > 0 && m.stored > storedMost {
			last := ready.CommittedEntries[n-1].Index
			check(m.storage.Compact(last - storedLeast))
			m.stored = storedLeast
		}
	}
}

func (g *group) processAll() {
	for i := range g.members {
		g.process(&g.members[i])
	}
}

func (g *group) settle() {
	g.processAll()
	for len(g.network) > 0 {
		g.arriving, g.network = g.network, g.arriving[:0]
		for _, message := range g.arriving {
			m := &g.members[message.To-1]
			check(m.node.Step(message))
			if g.readyPerInput {
				g.process(m)
			}
		}
		g.processAll()
	}
}

func (g *group) burst(size int) {
	leader := &g.members[0]
	for i := 0; i < size; i++ {
		payload := make([]byte, payloadBytes)
		payload[0] = byte(i)
		check(leader.node.Propose(payload))
		if g.readyPerInput {
			g.process(leader)
		}
	}
	g.settle()
}

func main() {
	readyPerInput := len(os.Args) == 4 && os.Args[3] == "--ready-per-input"
	if len(os.Args) != 3 && !readyPerInput {
		log.Fatal("usage: etcd-core BURST SECONDS [--ready-per-input]")
	}
	size, err := strconv.Atoi(os.Args[1])
	check(err)
	seconds, err := strconv.ParseFloat(os.Args[2], 64)
	check(err)

	g := newGroup()
	g.readyPerInput = readyPerInput
	check(g.members[0].node.Campaign())
	g.settle()
	for begin := time.Now(); time.Since(begin).Seconds() < seconds/4; {
		g.burst(size)
	}
	before := g.members[0].applied
	var memory, after runtime.MemStats
	runtime.ReadMemStats(&memory)
	begin := time.Now()
	for time.Since(begin).Seconds() < seconds {
		g.burst(size)
	}
	took := time.Since(begin)
	runtime.ReadMemStats(&after)
	proposals := g.members[0].applied - before
	for i := range g.members {
		if g.members[i].applied != g.members[0].applied {
			log.Fatal("a node has not applied everything")
		}
	}
	fmt.Printf("%.1f %.2f\n", float64(took.Nanoseconds())/float64(proposals),
		float64(after.Mallocs-memory.Mallocs)/float64(proposals))
}
