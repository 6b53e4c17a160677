// Package aws tests Ownmesh as it is installed in AWS: the CDK application's own stack in an emulator, its API called with
// signed requests, its Lambdas, streams, queues and buckets at work, real relays and real Envoys behind them.
//
// It never talks to AWS, and checks nothing that a package's own tests can: here is what only the whole can show. What even
// this leaves open is in docs/untested-in-aws.md. There is no code here but for tests. Start with change_test.go, which
// follows a change from the API to a request.
package aws
