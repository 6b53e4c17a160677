// Package eventbridge carries events to an EventBridge bus.
//
// It sends what it is given, ten a call, and again what the bus did not take for want of capacity. It makes no events,
// and reads none: rules on the bus do. Start with Bus.Publish.
package eventbridge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awseb "github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/cenkalti/backoff/v5"

	"github.com/ownmesh/ownmesh/events"
)

// API is what Bus calls; *eventbridge.Client has it.
type API interface {
	PutEvents(context.Context, *awseb.PutEventsInput, ...func(*awseb.Options)) (*awseb.PutEventsOutput, error)
}

const (
	batchMax = 10        // entries a call
	bytesMax = 256 << 10 // of a call's entries together, and so of each
	// overhead is more than EventBridge counts for an entry beside its texts: 14 bytes for its time.
	overhead = 64
	// patience is how long entries are tried again that the bus did not take. The SDK retries calls that fail as a whole.
	patience = 5 * time.Second
)

// Bus is one event bus.
type Bus struct {
	api  API
	name string
}

// New gives the bus with this name or ARN.
func New(api API, name string) *Bus { return &Bus{api: api, name: name} }

// Publish sends events, in order where the bus takes them at once. One that can't be sent holds up no other; the error
// says of each what is wrong.
func (b *Bus) Publish(ctx context.Context, all ...events.Event) error {
	var errs []error
	var batch []types.PutEventsRequestEntry
	size := 0
	flush := func() {
		if len(batch) > 0 {
			errs = append(errs, b.put(ctx, batch))
		}
		batch, size = nil, 0
	}
	for _, e := range all {
		entry, bytes, err := b.entry(e)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if len(batch) == batchMax || size+bytes > bytesMax {
			flush()
		}
		batch, size = append(batch, entry), size+bytes
	}
	flush()
	return errors.Join(errs...)
}

// entry is an event as PutEvents takes it, and its size as EventBridge counts it.
func (b *Bus) entry(e events.Event) (types.PutEventsRequestEntry, int, error) {
	detail, err := json.Marshal(e.Detail)
	if err != nil {
		return types.PutEventsRequestEntry{}, 0, fmt.Errorf("encode an event %q: %w", e.DetailType, err)
	}
	size := overhead + len(e.Source) + len(e.DetailType) + len(detail)
	for _, arn := range e.Resources {
		size += len(arn)
	}
	if size > bytesMax {
		return types.PutEventsRequestEntry{}, 0, fmt.Errorf("an event %q has %d bytes, the bus takes %d", e.DetailType, size, bytesMax)
	}
	return types.PutEventsRequestEntry{
		EventBusName: &b.name, Source: &e.Source, DetailType: &e.DetailType,
		Time: &e.Time, Resources: e.Resources, Detail: aws.String(string(detail)),
	}, size, nil
}

// errLeft says that the bus took the call, but not all of its entries.
var errLeft = errors.New("some events were not taken")

// put sends what one call holds, and again what of it failed for no fault of ours.
func (b *Bus) put(ctx context.Context, left []types.PutEventsRequestEntry) error {
	var refused []error // for good
	var last error      // of those that are left
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.MaxInterval = 20*time.Millisecond, time.Second
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		out, err := b.api.PutEvents(ctx, &awseb.PutEventsInput{Entries: left})
		if err != nil {
			return struct{}{}, backoff.Permanent(err)
		}
		if len(out.Entries) != len(left) {
			return struct{}{}, backoff.Permanent(fmt.Errorf("EventBridge answered for %d events, %d were sent", len(out.Entries), len(left)))
		}
		var again []types.PutEventsRequestEntry
		for i, result := range out.Entries {
			if result.ErrorCode == nil {
				continue
			}
			err := fmt.Errorf("publish %q on %s: %s: %s", *left[i].DetailType, b.name, *result.ErrorCode, aws.ToString(result.ErrorMessage))
			if passing[*result.ErrorCode] {
				again, last = append(again, left[i]), err
			} else {
				refused = append(refused, err)
			}
		}
		if left = again; len(left) > 0 {
			return struct{}{}, errLeft
		}
		return struct{}{}, nil
	}, backoff.WithBackOff(wait), backoff.WithMaxElapsedTime(patience))
	if errors.Is(err, errLeft) || err != nil && last != nil && ctx.Err() != nil {
		err = last
	} else if err != nil {
		err = fmt.Errorf("publish %d events on %s: %w", len(left), b.name, err)
	}
	return errors.Join(append(refused, err)...)
}

// passing are the faults of single entries that end by themselves.
var passing = map[string]bool{"ThrottlingException": true, "InternalFailure": true, "InternalException": true}
