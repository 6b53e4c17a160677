resource "aws_appmesh_mesh" "shop" {
  name = var.mesh
  spec {
    egress_filter { type = var.changed ? "DROP_ALL" : "ALLOW_ALL" }
  }
  tags = { stage = "test" }
}

resource "aws_appmesh_mesh" "bare" {
  name = "${var.mesh}-bare"
}

resource "aws_appmesh_mesh" "drop" {
  name = "${var.mesh}-drop"
  spec {
    egress_filter {}
  }
}

resource "aws_appmesh_mesh" "empty" {
  name = "${var.mesh}-empty"
  spec {}
}
