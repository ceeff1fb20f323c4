// The public face of os: the one file access path and the one process launcher of libtau. Linux only.
#pragma once

#include "os/confinement.h"
#include "os/fd.h"
#include "os/file_io.h"
#include "os/file_lock.h"
#include "os/folder_events.h"
#include "os/launcher.h"
#include "os/private_file.h"
#include "os/stream_file.h"
#include "os/temp_file.h"
#include "os/workspace.h"
