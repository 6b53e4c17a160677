package pollertest

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"sync"

	"github.com/ownmesh/ownmesh/core/store"
)

// Table is a store whose commits come out of a stream as those of adapters/dynamodb do: a record for each row, the
// rows of a mesh in one of two shards.
type Table struct {
	store.Store
	Stream *Stream

	mu sync.Mutex // commits come out in their order
}

// CreateMesh implements store.Store.
func (t *Table) CreateMesh(ctx context.Context, m store.Mesh, tags map[string]string, requestID, caller string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.Store.CreateMesh(ctx, m, tags, requestID, caller); err != nil {
		return err
	}
	t.put("INSERT", "names", image{"uid": {"S": m.UID}})
	return t.told(ctx, m.UID, 1)
}

// Commit implements store.Store.
func (t *Table) Commit(ctx context.Context, c store.Commit) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.Store.Commit(ctx, c); err != nil {
		return err
	}
	t.put("MODIFY", c.MeshUID, image{"record": {"S": "{}"}})
	return t.told(ctx, c.MeshUID, c.IfGeneration+1)
}

// told puts the records that every commit makes: the journal's and the mesh's.
func (t *Table) told(ctx context.Context, uid string, generation int64) error {
	entries, err := t.Journal(ctx, uid, generation-1, 1)
	if err != nil {
		return err
	}
	mesh, err := t.MeshByUID(ctx, uid)
	if err != nil {
		return err
	}
	entry, err := store.Encode(entries[0])
	if err != nil {
		return err
	}
	body, err := store.Encode(mesh.Record)
	if err != nil {
		return err
	}
	t.put("INSERT", uid, image{"entry": {"S": string(entry)}})
	t.put("MODIFY", uid, image{"generation": {"N": fmt.Sprint(generation)}, "mesh": {"S": string(body)}})
	return nil
}

type image map[string]map[string]string

func (t *Table) put(event, pk string, i image) {
	key := image{"pk": {"S": pk}, "sk": {"B": base64.StdEncoding.EncodeToString([]byte("sk"))}}
	for k, v := range key {
		i[k] = v
	}
	body := must(json.Marshal(map[string]any{
		"eventID": "e", "eventName": event, "eventSource": "aws:dynamodb", "eventVersion": "1.1",
		"dynamodb": map[string]any{"Keys": key, "NewImage": i, "StreamViewType": "NEW_AND_OLD_IMAGES"},
	}))
	t.Stream.Put(Shard(pk), body)
}

// Shard is where a partition's records come out.
func Shard(pk string) string { return fmt.Sprint("shard-", crc32.ChecksumIEEE([]byte(pk))%2) }
