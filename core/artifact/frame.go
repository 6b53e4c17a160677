package artifact

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/ownmesh/ownmesh/events"
)

// Every object of a log is one JSON document:
//
//	{"sum":"<32 hex digits>","header":{"format":1,"kind":"change",…},"body":{…}}
//
// sum is the first half of SHA-256 over everything from the header on, closing brace included, so it covers the bytes
// as they are written and no reader has to spell the document again to check it. The document may be gzipped: the sum
// is over the uncompressed bytes and does not depend on a compressor's version. This frame stays as it is in all
// formats; what a header and a body hold is told by header.format.

// formatVersion is the newest format that this code reads, and the one that it writes.
const formatVersion = 1

// maxDocument bounds an uncompressed document, in bytes: a mesh of 10,000 nodes takes a fifth of it.
const maxDocument = 512 << 20

// compressFrom is the size in bytes from which a document is compressed.
const compressFrom = 512

const (
	frameStart = `{"sum":"`
	frameHead  = `","header":`
	frameBody  = `,"body":`
	sumLength  = 32
)

type kind string

const (
	kindChange     kind = "change"
	kindEnd        kind = "end" // in a change's place: the epoch ends here, look at the checkpoint
	kindFull       kind = "full"
	kindManifest   kind = "manifest"
	kindCheckpoint kind = "checkpoint"
)

// header is the part of a document that all kinds share.
type header struct {
	Format int            `json:"format"`
	Kind   kind           `json:"kind"`
	Log    events.LogName `json:"log"`
	UID    string         `json:"uid"`
	Epoch  int64          `json:"epoch,omitempty"`
	Seq    int64          `json:"seq"`
	// Previous is the Position.Sum at Epoch and Seq: of a change, where it leads on from; of a full state or manifest,
	// where it is, and absent in an epoch's first full state, whose own sum it is.
	Previous string `json:"previous,omitempty"`
	mark            // what the document reaches
	// Bytes is Position.Bytes at Epoch and Seq.
	Bytes int64     `json:"bytes,omitempty"`
	At    time.Time `json:"at,omitzero"`
}

// position is where a full state or manifest is.
func (d document) position() Position {
	p := Position{Epoch: d.Epoch, Seq: d.Seq, Sum: d.Previous, Bytes: d.Bytes}.with(d.mark)
	if p.Sum == "" {
		p.Sum = d.sum
	}
	return p
}

// document is an object as read, its sum verified.
type document struct {
	header
	sum  string
	size int64 // uncompressed
	body []byte
}

// frame spells a document, uncompressed, and returns its sum.
func frame(h header, body []byte) (doc []byte, sum string, err error) {
	h.Format = formatVersion
	head, err := json.Marshal(h)
	if err != nil {
		return nil, "", fmt.Errorf("encode the header of a %s: %w", h.Kind, err)
	}
	size := len(frameStart) + sumLength + len(frameHead) + len(head) + len(frameBody) + len(body) + 1
	if size > maxDocument {
		return nil, "", fmt.Errorf("%w: a %s of %d bytes, the limit is %d", ErrTooLarge, h.Kind, size, maxDocument)
	}
	doc = make([]byte, 0, size)
	doc = append(doc, frameStart...)
	doc = append(doc, make([]byte, sumLength)...)
	doc = append(doc, frameHead...)
	from := len(doc)
	doc = append(doc, head...)
	doc = append(doc, frameBody...)
	doc = append(doc, body...)
	doc = append(doc, '}')
	sum = checksum(doc[from:])
	copy(doc[len(frameStart):], sum)
	return doc, sum, nil
}

func checksum(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:sumLength/2])
}

// compressors are kept, for each takes a megabyte and most documents are small.
var compressors = sync.Pool{New: func() any {
	z, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed) // the level is valid
	return z
}}

// compress gives the bytes to store: gzipped where that is smaller. Speed matters more than the last percent here: a
// full state is written rarely, but somebody waits for it.
func compress(doc []byte) []byte {
	if len(doc) < compressFrom {
		return doc
	}
	var out bytes.Buffer
	out.Grow(len(doc) / 3)
	z := compressors.Get().(*gzip.Writer)
	defer compressors.Put(z)
	z.Reset(&out)
	_, _ = z.Write(doc) // a Buffer takes all
	_ = z.Close()
	if out.Len() >= len(doc) {
		return doc
	}
	return out.Bytes()
}

// decompress gives the document in stored bytes, of at most limit bytes.
func decompress(data []byte, limit int) ([]byte, error) {
	if !bytes.HasPrefix(data, []byte{0x1f, 0x8b}) {
		if len(data) > limit {
			return nil, damaged("it is larger than %d bytes", limit)
		}
		return data, nil
	}
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, damaged("decompress it: %w", err)
	}
	z.Multistream(false)
	var out bytes.Buffer
	out.Grow(sizeOf(data, limit) + bytes.MinRead) // to grow while it reads costs as much as all else
	n, err := io.Copy(&out, io.LimitReader(z, int64(limit)+1))
	if err != nil {
		return nil, damaged("decompress it: %w", err)
	}
	if n > int64(limit) {
		return nil, damaged("it is larger than %d bytes", limit)
	}
	return out.Bytes(), nil
}

// sizeOf is what gzipped bytes end with: how many there were. Damaged ones may say anything, so it is bounded by what so few
// bytes can become.
func sizeOf(data []byte, limit int) int {
	const most = 1032 // times smaller is all that deflate makes of anything
	if len(data) < 4 {
		return 0
	}
	said := binary.LittleEndian.Uint32(data[len(data)-4:])
	return int(min(int64(said), int64(limit), most*int64(len(data))))
}

// unframe reads stored bytes. Its errors are ErrDamaged and ErrNewer.
func unframe(data []byte) (document, error) {
	doc, err := decompress(data, maxDocument)
	if err != nil {
		return document{}, err
	}
	rest, ok := bytes.CutPrefix(doc, []byte(frameStart))
	if !ok || len(rest) < sumLength {
		return document{}, damaged("it is no document of a log")
	}
	d := document{sum: string(rest[:sumLength]), size: int64(len(doc))}
	rest, ok = bytes.CutPrefix(rest[sumLength:], []byte(frameHead))
	if !ok {
		return document{}, damaged("it is no document of a log")
	}
	if checksum(rest) != d.sum {
		return document{}, damaged("its checksum is wrong")
	}
	decoder := json.NewDecoder(bytes.NewReader(rest))
	err = decoder.Decode(&d.header)
	if d.Format > formatVersion {
		return document{}, fmt.Errorf("%w: it has format %d, and this version reads formats up to %d: upgrade it", ErrNewer, d.Format, formatVersion)
	}
	if err != nil {
		return document{}, damaged("its header: %w", err)
	}
	body, ok := bytes.CutPrefix(rest[decoder.InputOffset():], []byte(frameBody))
	if !ok || d.Format < 1 || !bytes.HasSuffix(body, []byte("}")) {
		return document{}, damaged("it is no document of a log")
	}
	d.body = body[:len(body)-1]
	return d, nil
}

// isFault tells an infrastructure fault from damage: trying again may help.
func isFault(err error) bool {
	return err != nil && !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrNotFound)
}
