// Package stack deploys what `make synth` left in dist/synth/local to an emulator: the template of the CDK application
// itself, with its assets, by CloudFormation. What is tested there is what a user deploys, but for what emulators lack.
//
// It changes nothing in the template but what the emulator's IAM takes otherwise (adapt.go), and never talks to AWS itself. Start with Deploy.
package stack

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/ownmesh/ownmesh/internal/envoybin"
)

// Stack is an installation in an emulator.
type Stack struct {
	Name    string
	Outputs map[string]string // by the names of infra/installation: Api, Table, Bucket …
	// Resources are physical ids by CloudFormation's type, sorted by logical id: AWS::Lambda::Function …
	Resources map[string][]string
	// Logical are physical ids by the names that the CDK application gave them, a hash at their end.
	Logical map[string]string
}

// deployTimeout is for all of it; the emulator takes a few seconds.
const deployTimeout = 2 * time.Minute

// Dir is where `make synth` leaves the local template.
func Dir() string { return filepath.Join(envoybin.Root(), "dist/synth/local") }

// Deploy makes the stack and waits until it is there. What it returns besides deletes the stack.
func Deploy(ctx context.Context, cfg aws.Config) (Stack, func(context.Context) error, error) {
	ctx, cancel := context.WithTimeout(ctx, deployTimeout)
	defer cancel()
	d := deployment{dir: Dir(), endpoint: aws.ToString(cfg.BaseEndpoint), s3: s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true }), cfn: cloudformation.NewFromConfig(cfg)}
	stack, err := d.run(ctx)
	if err != nil {
		return Stack{}, nil, fmt.Errorf("deploy the stack: %w", err)
	}
	return stack, func(ctx context.Context) error {
		_, err := d.cfn.DeleteStack(ctx, &cloudformation.DeleteStackInput{StackName: &stack.Name})
		return err
	}, nil
}

type deployment struct {
	dir, endpoint string
	s3            *s3.Client
	cfn           *cloudformation.Client
}

func (d deployment) run(ctx context.Context) (Stack, error) {
	name, template, err := d.publish(ctx)
	if err != nil {
		return Stack{}, err
	}
	_, err = d.cfn.CreateStack(ctx, &cloudformation.CreateStackInput{
		StackName: &name, TemplateURL: &template, Capabilities: []types.Capability{types.CapabilityCapabilityNamedIam},
	})
	if err != nil {
		return Stack{}, fmt.Errorf("create stack %s: %w", name, err)
	}
	if err := cloudformation.NewStackCreateCompleteWaiter(d.cfn, func(o *cloudformation.StackCreateCompleteWaiterOptions) {
		o.MinDelay, o.MaxDelay = 100*time.Millisecond, time.Second
	}).Wait(ctx, &cloudformation.DescribeStacksInput{StackName: &name}, deployTimeout); err != nil {
		return Stack{}, errors.Join(fmt.Errorf("create stack %s: %w", name, err), d.failures(ctx, name))
	}
	return d.describe(ctx, name)
}

// assets is what CDK says of the files that a template names.
type assets struct {
	Files map[string]struct {
		Source       struct{ Path, Packaging string }
		Destinations map[string]struct{ BucketName, ObjectKey string }
	}
}

// publish puts the assets, and the template among them, where the template says that they are.
func (d deployment) publish(ctx context.Context) (name, templateURL string, err error) {
	found, err := filepath.Glob(filepath.Join(d.dir, "*.assets.json"))
	if err != nil || len(found) != 1 {
		return "", "", fmt.Errorf("%s holds %d templates, want one: run `make synth`", d.dir, len(found))
	}
	data, err := os.ReadFile(found[0])
	if err != nil {
		return "", "", err
	}
	var list assets
	if err := json.Unmarshal(data, &list); err != nil {
		return "", "", fmt.Errorf("%s: %w", found[0], err)
	}
	name = strings.TrimSuffix(filepath.Base(found[0]), ".assets.json")
	for _, file := range list.Files {
		body, err := os.ReadFile(filepath.Join(d.dir, file.Source.Path))
		if err != nil {
			return "", "", err
		}
		if strings.HasSuffix(file.Source.Path, ".template.json") {
			if body, err = adapt(body); err != nil {
				return "", "", fmt.Errorf("%s: %w", file.Source.Path, err)
			}
		}
		for _, to := range file.Destinations {
			if _, err := d.s3.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String(to.BucketName)}); err != nil && !exists(err) {
				return "", "", fmt.Errorf("create bucket %s: %w", to.BucketName, err)
			}
			_, err := d.s3.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String(to.BucketName), Key: aws.String(to.ObjectKey), Body: bytes.NewReader(body)})
			if err != nil {
				return "", "", fmt.Errorf("put %s: %w", to.ObjectKey, err)
			}
			if strings.HasSuffix(file.Source.Path, ".template.json") {
				templateURL = d.endpoint + "/" + to.BucketName + "/" + to.ObjectKey
			}
		}
	}
	return name, templateURL, nil
}

func exists(err error) bool {
	return strings.Contains(err.Error(), "BucketAlreadyOwnedByYou") || strings.Contains(err.Error(), "BucketAlreadyExists")
}

// failures says which resources could not be made, and why.
func (d deployment) failures(ctx context.Context, name string) error {
	events, err := d.cfn.DescribeStackEvents(ctx, &cloudformation.DescribeStackEventsInput{StackName: &name})
	if err != nil {
		return err
	}
	var all []error
	for _, e := range events.StackEvents {
		if strings.HasSuffix(string(e.ResourceStatus), "FAILED") {
			all = append(all, fmt.Errorf("%s %s: %s", aws.ToString(e.ResourceType), aws.ToString(e.LogicalResourceId), aws.ToString(e.ResourceStatusReason)))
		}
	}
	return errors.Join(all...)
}

func (d deployment) describe(ctx context.Context, name string) (Stack, error) {
	stack := Stack{Name: name, Outputs: map[string]string{}, Resources: map[string][]string{}, Logical: map[string]string{}}
	described, err := d.cfn.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &name})
	if err != nil {
		return Stack{}, err
	}
	for _, o := range described.Stacks[0].Outputs {
		stack.Outputs[aws.ToString(o.OutputKey)] = aws.ToString(o.OutputValue)
	}
	resources, err := d.cfn.DescribeStackResources(ctx, &cloudformation.DescribeStackResourcesInput{StackName: &name})
	if err != nil {
		return Stack{}, err
	}
	for _, r := range resources.StackResources {
		kind := aws.ToString(r.ResourceType)
		stack.Logical[aws.ToString(r.LogicalResourceId)] = aws.ToString(r.PhysicalResourceId)
		stack.Resources[kind] = append(stack.Resources[kind], aws.ToString(r.PhysicalResourceId))
	}
	return stack, nil
}
