#!/bin/sh
# Compile Client.java and the stubs of the schema, with what Debian has of gRPC.
#
#   build.sh SCHEMA FOLDER
#
# Everything goes to FOLDER; its last line is the class path to run it with.
set -eu

schema=$1
folder=$2
here=$(dirname "$0")
jars=/usr/share/java

class_path=$folder/classes
for name in protobuf grpc-api grpc-context grpc-core grpc-netty grpc-protobuf \
	grpc-protobuf-lite grpc-stub guava gson perfmark-api geronimo-annotation-1.3-spec \
	netty-buffer netty-codec netty-codec-http netty-codec-http2 netty-codec-socks \
	netty-common netty-handler netty-handler-proxy netty-resolver netty-transport \
	netty-transport-native-unix-common; do
	class_path=$class_path:$jars/$name.jar
done

mkdir -p "$folder/stubs" "$folder/classes"
# These services, and what they import; what protobuf.jar has is left out.
protoc --descriptor_set_in="$schema" --include_imports \
	--descriptor_set_out="$folder/needed.binpb" google/rpc/error_details.proto \
	nearturn/v1/demand_service.proto nearturn/v1/match_service.proto \
	nearturn/v1/return_service.proto
files=$(protoc --descriptor_set_in="$schema" --decode=google.protobuf.FileDescriptorSet \
	google/protobuf/descriptor.proto <"$folder/needed.binpb" |
	sed -n 's/^  name: "\(.*\.proto\)"$/\1/p' | grep -v '^google/protobuf/')
# shellcheck disable=SC2086 - names of schema files have no spaces
protoc --descriptor_set_in="$schema" --java_out="$folder/stubs" \
	--plugin=protoc-gen-grpc-java="$(command -v grpc_java_plugin)" \
	--grpc-java_out="$folder/stubs" $files
find "$folder/stubs" -name '*.java' >"$folder/sources"
javac -J-XX:TieredStopAtLevel=1 -J-XX:+UseSerialGC -nowarn -proc:none -d "$folder/classes" -cp "$class_path" \
	"@$folder/sources" "$here/Client.java"
echo "$class_path"
