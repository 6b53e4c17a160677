# A mesh with every resource and nearly every block that Terraform's provider has for App Mesh.
terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.32"
    }
  }
}

variable "appmesh" {
  type        = string
  description = "URL of the API, or of ownmesh proxy before it"
}

variable "sts" {
  type        = string
  default     = ""
  description = "URL of STS, which tells the account; without it nobody asks"
}

variable "mesh" {
  type = string
}

variable "changed" {
  type        = bool
  default     = false
  description = "whether resources say what they came to say later"
}

provider "aws" {
  region                      = "us-east-1"
  skip_credentials_validation = var.sts == ""
  skip_requesting_account_id  = var.sts == ""
  skip_metadata_api_check     = true
  endpoints {
    appmesh = var.appmesh
    sts     = var.sts
  }
  default_tags {
    tags = var.changed ? { team = "carts" } : { team = "shop", empty = "" }
  }
}
