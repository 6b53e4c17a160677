package client

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"
)

type tag struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

func tagList(tags map[string]string) []tag {
	var list []tag
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		list = append(list, tag{Key: k, Value: tags[k]})
	}
	return list
}

// Tags reads the tags of the resource with this ARN.
func (c *Client) Tags(ctx context.Context, arn string) (map[string]string, error) {
	tags := map[string]string{}
	for next := ""; ; {
		query := url.Values{"resourceArn": {arn}}
		if next != "" {
			query.Set("nextToken", next)
		}
		var page struct {
			Tags      []tag  `json:"tags"`
			NextToken string `json:"nextToken"`
		}
		if err := c.do(ctx, call{method: http.MethodGet, path: path(apiRoot, "tags"), query: query, into: &page}); err != nil {
			return nil, err
		}
		for _, t := range page.Tags {
			tags[t.Key] = t.Value
		}
		if next = page.NextToken; next == "" {
			return tags, nil
		}
	}
}

// Tag sets tags and leaves others.
func (c *Client) Tag(ctx context.Context, arn string, tags map[string]string) error {
	return c.do(ctx, call{
		method: http.MethodPut, path: path(apiRoot, "tag"), query: url.Values{"resourceArn": {arn}},
		body: map[string]any{"tags": tagList(tags)},
	})
}

// Untag removes tags; absent ones are no error.
func (c *Client) Untag(ctx context.Context, arn string, keys []string) error {
	return c.do(ctx, call{
		method: http.MethodPut, path: path(apiRoot, "untag"), query: url.Values{"resourceArn": {arn}},
		body: map[string]any{"tagKeys": keys},
	})
}
