// Package installation is one installation of Ownmesh in AWS, as a CloudFormation stack.
//
//	API Gateway (IAM) -> api -> table -> stream -> dispatch -> compile queue -> compile -> bucket
//	                                                        -> register queue -> register -> bucket, Cloud Map
//	ECS task events -> task-events queue -> register          schedule -> sweep
//	bucket -> relay (Fargate) -> sidecars, by relay.<namespace>:15010
//
// It makes no mesh, and nothing that runs code while it is deployed: no custom resources. Who may do what is in
// grants.go, a function a part; a test reads the template and refuses wider rights.
//
// Start with stack.go: the order of its calls is the order of the parts above. A file a part.
package installation
