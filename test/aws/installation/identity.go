package installation

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/ownmesh/ownmesh/internal/emulator"
)

// Identity is somebody in IAM.
type Identity struct {
	aws.Credentials
	ARN string
}

// Provider gives an SDK's client the identity's credentials.
func (id Identity) Provider() aws.CredentialsProvider {
	return credentials.NewStaticCredentialsProvider(id.AccessKeyID, id.SecretAccessKey, id.SessionToken)
}

// Environment are the credentials as a process gets them.
func (id Identity) Environment() []string {
	all := []string{"AWS_ACCESS_KEY_ID=" + id.AccessKeyID, "AWS_SECRET_ACCESS_KEY=" + id.SecretAccessKey, "AWS_REGION=" + emulator.Region,
		"AWS_DEFAULT_REGION=" + emulator.Region}
	if id.SessionToken != "" {
		all = append(all, "AWS_SESSION_TOKEN="+id.SessionToken)
	}
	return all
}

// User makes a user of IAM with these managed policies, by the names of their outputs: Operators, Readers.
func (i *Installation) User(tb testing.TB, policies ...string) Identity {
	tb.Helper()
	client := iam.NewFromConfig(i.Config)
	name, identity := i.newUser(tb, client)
	for _, p := range policies {
		_, err := client.AttachUserPolicy(tb.Context(), &iam.AttachUserPolicyInput{UserName: name, PolicyArn: aws.String(i.Outputs[p+"Policy"])})
		if err != nil {
			tb.Fatalf("attach policy %s: %v", p, err)
		}
	}
	return identity
}

// Task makes a user who may do what the task role of a sidecar may that was named to the stack: fetch tokens of one proxy,
// mesh/shop/virtualNode/cart, and what explicit interception needs.
func (i *Installation) Task(tb testing.TB, mesh, proxy string) Identity {
	tb.Helper()
	client := iam.NewFromConfig(i.Config)
	name, identity := i.newUser(tb, client)
	root := fmt.Sprintf("arn:aws:execute-api:%s:*:%s/mesh", emulator.Region, i.Outputs["ApiId"])
	path := "/v1/meshes/" + mesh + "/proxies/" + proxy
	policy, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": map[string]any{
		"Effect": "Allow", "Action": "execute-api:Invoke",
		"Resource": []string{root + "/POST" + path + "/token", root + "/GET" + path + "/addresses"},
	}})
	if err != nil {
		tb.Fatal(err)
	}
	_, err = client.PutUserPolicy(tb.Context(), &iam.PutUserPolicyInput{
		UserName: name, PolicyName: aws.String("sidecar"), PolicyDocument: aws.String(string(policy)),
	})
	if err != nil {
		tb.Fatalf("put the policy of a sidecar: %v", err)
	}
	return identity
}

func (i *Installation) newUser(tb testing.TB, client *iam.Client) (*string, Identity) {
	tb.Helper()
	name := aws.String(emulator.Name(tb))
	user, err := client.CreateUser(tb.Context(), &iam.CreateUserInput{UserName: name})
	if err != nil {
		tb.Fatalf("create a user: %v", err)
	}
	key, err := client.CreateAccessKey(tb.Context(), &iam.CreateAccessKeyInput{UserName: name})
	if err != nil {
		tb.Fatalf("create an access key: %v", err)
	}
	return name, Identity{aws.Credentials{
		AccessKeyID: aws.ToString(key.AccessKey.AccessKeyId), SecretAccessKey: aws.ToString(key.AccessKey.SecretAccessKey),
	}, aws.ToString(user.User.Arn)}
}

// relayTask is what the stack's task definition says of relays: their variables, and their role. ECS takes that for them;
// here it may be taken by the account.
func (i *Installation) relayTask(ctx context.Context) (map[string]string, Identity, error) {
	definition, err := ecs.NewFromConfig(i.Config).DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{
		TaskDefinition: &i.Resources["AWS::ECS::TaskDefinition"][0],
	})
	if err != nil {
		return nil, Identity{}, fmt.Errorf("read the relays' task definition: %w", err)
	}
	variables := map[string]string{}
	for _, v := range definition.TaskDefinition.ContainerDefinitions[0].Environment {
		variables[aws.ToString(v.Name)] = aws.ToString(v.Value)
	}
	role := aws.ToString(definition.TaskDefinition.TaskRoleArn)
	_, err = iam.NewFromConfig(i.Config).UpdateAssumeRolePolicy(ctx, &iam.UpdateAssumeRolePolicyInput{
		RoleName: aws.String(lastPart(role)), PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[
			{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"*"}}]}`),
	})
	if err != nil {
		return nil, Identity{}, fmt.Errorf("let the account take the relays' role: %w", err)
	}
	session, err := sts.NewFromConfig(i.Config).AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: &role, RoleSessionName: aws.String("relay")})
	if err != nil {
		return nil, Identity{}, fmt.Errorf("take the relays' role: %w", err)
	}
	c := session.Credentials
	return variables, Identity{aws.Credentials{AccessKeyID: aws.ToString(c.AccessKeyId), SecretAccessKey: aws.ToString(c.SecretAccessKey),
		SessionToken: aws.ToString(c.SessionToken)}, role}, nil
}
