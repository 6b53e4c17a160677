package eventlog

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"

	"github.com/ownmesh/ownmesh/events"
)

// segment is one file: events with numbers from first on, without a gap.
type segment struct {
	file  *os.File
	first int64
	ends  []int64 // where each line ends
}

func (s *segment) next() int64 { return s.first + int64(len(s.ends)) }

func (s *segment) size() int64 {
	if len(s.ends) == 0 {
		return 0
	}
	return s.ends[len(s.ends)-1]
}

// openSegment opens a file, or makes one that will begin with number first. What is behind a line that is no event with
// the next number is cut off: a line half-written when the machine died, or what somebody else wrote.
func openSegment(path string, first int64, log *slog.Logger) (*segment, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the event log: %w", err)
	}
	s := &segment{file: file, first: first}
	if err := s.scan(); err != nil {
		return nil, errors.Join(fmt.Errorf("read %s: %w", path, err), file.Close())
	}
	info, err := file.Stat()
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	if info.Size() > s.size() {
		log.Warn("the event log ends with what is no event: cut off", "file", path, "bytes", info.Size()-s.size())
		if err := file.Truncate(s.size()); err != nil {
			return nil, errors.Join(fmt.Errorf("cut %s: %w", path, err), file.Close())
		}
	}
	return s, nil
}

// scan finds the lines. The first one says where the numbers begin.
func (s *segment) scan() error {
	in := bufio.NewReaderSize(s.file, 1<<20)
	for at := int64(0); ; {
		line, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		var e struct {
			ID string `json:"id"`
		}
		if json.Unmarshal(line, &e) != nil {
			return nil
		}
		number, err := strconv.ParseInt(e.ID, 10, 64)
		if err != nil || number < 1 || len(s.ends) > 0 && number != s.next() {
			return nil
		}
		if len(s.ends) == 0 {
			s.first = number
		}
		at += int64(len(line))
		s.ends = append(s.ends, at)
	}
}

// append writes lines that end where ends say. Nothing is left of a write that failed.
func (s *segment) append(lines []byte, ends []int64) error {
	if _, err := s.file.WriteAt(lines, s.size()); err != nil {
		return errors.Join(fmt.Errorf("write events: %w", err), s.file.Truncate(s.size()))
	}
	s.ends = append(s.ends, ends...)
	return nil
}

func (s *segment) read(after int64, limit int) ([]events.Event, error) {
	from := max(after+1, s.first) - s.first // index of the first line wanted
	to := min(from+int64(max(limit, 0)), int64(len(s.ends)))
	if from >= to {
		return nil, nil
	}
	start := int64(0)
	if from > 0 {
		start = s.ends[from-1]
	}
	in := json.NewDecoder(bufio.NewReader(io.NewSectionReader(s.file, start, s.ends[to-1]-start)))
	all := make([]events.Event, 0, to-from)
	for range to - from {
		var e events.Event
		if err := in.Decode(&e); err != nil {
			return all, fmt.Errorf("read the event log: %w", err)
		}
		all = append(all, e)
	}
	return all, nil
}

// empty lets go of all events; the next one would have number first.
func (s *segment) empty(first int64) error {
	s.first, s.ends = first, nil
	return s.file.Truncate(0)
}

func (s *segment) close() error {
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}
