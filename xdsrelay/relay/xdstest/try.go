package xdstest

import "time"

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
