package xdstest

import (
	"errors"
	"io"
	"time"
)

// Try gives the next response if one comes within d, else nil. A stream that has ended fails the test.
func (c *Client) Try(d time.Duration) *Response {
	c.tb.Helper()
	select {
	case r := <-c.responses:
		return r
	default:
	}
	select {
	case r := <-c.responses:
		return r
	case err := <-c.ended:
		c.tb.Fatalf("the stream ended: %v", err)
	case <-time.After(d):
	}
	return nil
}

// Served waits for the first response or the end of the stream, and says whether it was a response.
func (c *Client) Served() bool {
	c.tb.Helper()
	select {
	case <-c.responses:
		return true
	case <-c.ended:
		return len(c.responses) > 0 // that came before the end
	case <-time.After(Wait):
		c.tb.Fatal("no response came")
	}
	return false
}

// ExpectEnd waits for the stream to end without fault, as when a relay stops. Responses before are dropped.
func (c *Client) ExpectEnd() {
	c.tb.Helper()
	timeout := time.After(Wait)
	for {
		select {
		case <-c.responses:
		case err := <-c.ended:
			if !errors.Is(err, io.EOF) {
				c.tb.Fatalf("the stream ended with %v", err)
			}
			return
		case <-timeout:
			c.tb.Fatal("the stream did not end")
		}
	}
}
