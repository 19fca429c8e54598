# SPDX-License-Identifier: MIT
#
# What crashdump.bbclass, crashdump-image.bbclass and crashdump-sdk.bbclass share. They inherit it; nobody else needs to.

CRASHDUMP_ENABLED ?= "1"
CRASHDUMP_ENABLED[doc] = "Set to '0' to keep no symbols, for all recipes or for one (CRASHDUMP_ENABLED:pn-foo); an image is a recipe, too. Packages and task signatures are then the same as without the class."
CRASHDUMP_EXCLUDE ?= ""
CRASHDUMP_EXCLUDE[doc] = "Space-separated globs of target paths to leave out, e.g. '/usr/lib/*/ptest/*'. What matches gets neither symbols nor a place in the manifest, and no warning."
CRASHDUMP_DEPLOY_DIR ?= "${DEPLOY_DIR}/crashdump"
CRASHDUMP_DEPLOY_DIR[doc] = "The folder that receives symbols and manifests of recipes, one sub-folder for each package architecture. The account of an image takes from it where sources are from."
CRASHDUMP_POLICY ?= ""
CRASHDUMP_POLICY[doc] = "Space-separated CODE=LEVEL and policy files: what a finding does to the build. LEVEL is error (the task fails), warning or ignore; CODE is no-build-id, no-debug-info, no-lines, no-unwind-info, late-build-id, mismatch, missing-debug-file, unreadable, malformed, unsupported, packed, conflict, crashed, of images changed, unowned, duplicate-build-id, worse, low-coverage, unused-excuse, or * for all but the last of these. Unset codes: unreadable, mismatch, conflict, crashed and duplicate-build-id are errors, unused-excuse is ignored, the others are warnings."
CRASHDUMP_IMAGE_VERSION ?= "${DISTRO_VERSION}"
CRASHDUMP_IMAGE_VERSION[doc] = "What people call this version of the image, for the manifests of it and of its SDK, and for image.json."
CRASHDUMP_INLINES ?= "1"
CRASHDUMP_INLINES[doc] = "Set to '0' to leave inlined functions out: smaller symbol files, but a stack then names only the function that the code was inlined into."

CRASHDUMP_TARGETS ?= ""
CRASHDUMP_TARGETS[doc] = "Space-separated symbol servers and folders that do_crashdump_upload sends symbols to: names of CRASHDUMP_TARGETS_FILE, or URLs."
CRASHDUMP_TARGETS_FILE ?= ""
CRASHDUMP_TARGETS_FILE[doc] = "The file that says what the names in CRASHDUMP_TARGETS mean, by its absolute path; see docs/reference/upload.md."
CRASHDUMP_TOKEN_FILE ?= ""
CRASHDUMP_TOKEN_FILE[doc] = "A file that only the building user can read, with the token for targets that do not name another place. Never the token itself: variables are in logs and signatures."
CRASHDUMP_UPLOAD_ON_BUILD ?= "0"
CRASHDUMP_UPLOAD_ON_BUILD[doc] = "Set to '1' to upload as a part of each build. A build then needs the network and the servers, and fails without them; yocto-check-layer does not accept that."

def crashdump_policy_files(d):
    """The files in CRASHDUMP_POLICY, for a task's [file-checksums]."""
    return " ".join(word + ":True" for word in (d.getVar("CRASHDUMP_POLICY") or "").split() if "=" not in word)

def crashdump_build_facts(d):
    """What was built, and where the recipes' fragments are, as options of crashsym."""
    facts = {"image": "IMAGE_BASENAME", "version": "CRASHDUMP_IMAGE_VERSION", "machine": "MACHINE", "distro": "DISTRO"}
    options = ["--build", "series=" + d.getVar("LAYERSERIES_CORENAMES").split()[0]]
    for fact, name in facts.items():
        if d.getVar(name):
            options += ["--build", "%s=%s" % (fact, d.getVar(name))]
    if os.path.isdir(d.getVar("CRASHDUMP_DEPLOY_DIR")):
        options += ["--fragments", d.getVar("CRASHDUMP_DEPLOY_DIR")]
    return options

def crashdump_layers(d):
    """The layers and their revisions, as options of crashsym."""
    options = []
    for _, name, _, revision, modified in oe.buildcfg.get_layer_revisions(d):
        known = "" if "unknown" in revision else revision + ("-dirty" if modified else "")
        options += ["--layer", "%s=%s" % (name, known)]
    return options

def crashdump_process(d, command, variables=None):
    """Return what became of crashsym, which has finished, with findings or without; where it fails, so does the task."""
    import subprocess
    # the host user's own Python packages must not stand in for the native sysroot's; and a task that is root for pseudo
    # need not be it for this
    environment = dict(os.environ, PYTHONNOUSERSITE="1", PSEUDO_DISABLED="1", **(variables or {}))
    result = subprocess.run(["crashsym"] + command, env=environment, encoding="utf-8", errors="backslashreplace",
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if result.returncode not in (0, 3):
        bb.fatal("crashsym ended with exit code %d (negative: killed by that signal).\n%s"
                 % (result.returncode, result.stderr))
    bb.note(result.stderr)
    return result

def crashdump_call(d, command, variables=None):
    """Return what crashsym prints, as JSON gives it."""
    import json
    return json.loads(crashdump_process(d, command, variables).stdout)

def crashdump_run(d, arguments):
    """Run crashsym with these arguments and the common options; findings become warnings and errors of the task."""
    command = arguments + ["--json"]
    for glob in (d.getVar("CRASHDUMP_EXCLUDE") or "").split():
        command += ["--exclude", glob]
    for rule in (d.getVar("CRASHDUMP_POLICY") or "").split():
        command += ["--policy", rule]
    if d.getVar("CRASHDUMP_INLINES") == "0":
        command += ["--no-inlines"]
    command += oe.utils.parallel_make_argument(d, "-j %d").split()
    findings = crashdump_call(d, command)["findings"]
    for finding in findings:
        if finding["level"] in ("error", "warning"):
            # what is about no file of the target cannot be excluded
            exclude = 'CRASHDUMP_EXCLUDE += "%s", or ' % finding["path"] if finding["path"].startswith("/") else ""
            (bb.error if finding["level"] == "error" else bb.warn)(
                '%s (%sCRASHDUMP_POLICY += "%s=ignore")' % (finding["message"], exclude, finding["code"]))
    if any(finding["level"] == "error" for finding in findings):
        bb.fatal("not all symbols were extracted: the errors above say of which files, and what to do.")

def crashdump_network(d):
    """Return proxies and authorities as BitBake's fetcher finds them: in the configuration, else in the user's shell."""
    proxies = [prefix + "_proxy" for prefix in ("http", "https", "all", "no")]
    shell = d.getVar("BB_ORIGENV", False)
    names = proxies + [name.upper() for name in proxies] + ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"]
    values = {name: d.getVar(name) or (shell and shell.getVar(name)) for name in names}
    values["REQUESTS_CA_BUNDLE"] = values["REQUESTS_CA_BUNDLE"] or values["CURL_CA_BUNDLE"] or values["SSL_CERT_FILE"]
    return {name: value for name, value in values.items() if value}
crashdump_network[vardepsexclude] = "BB_ORIGENV"

def crashdump_upload(d, manifest, store, more=()):
    """Upload what a manifest names; what is not on each target afterwards is an error of the task."""
    targets = (d.getVar("CRASHDUMP_TARGETS") or "").split()
    if not targets:
        bb.fatal("nothing uploaded: CRASHDUMP_TARGETS is empty. Set it to the names or URLs of symbol servers.")
    if bb.utils.to_boolean(d.getVar("BB_NO_NETWORK")):
        bb.fatal("nothing uploaded: BB_NO_NETWORK is set. Make 'crashsym upload --manifest %s --store %s --bundle FILE', and send that where there is a network." % (manifest, store))
    command = ["upload", "--manifest", manifest, "--store", store, "--json", *more]
    for option, name in (("--config", "CRASHDUMP_TARGETS_FILE"), ("--token-file", "CRASHDUMP_TOKEN_FILE")):
        if d.getVar(name):
            command += [option, d.getVar(name)]
    for target in targets:
        command += ["--to", target]
    outcome = crashdump_call(d, command, crashdump_network(d))
    for target in outcome["targets"]:
        for file in target["files"]:
            if file["state"] in ("refused", "failed"):
                bb.error("%s: '%s': %s: %s" % (file["state"], file["name"], target["name"], file["why"]))
    for file in outcome["unusable"]:
        bb.error("not uploaded: '%s' (%s): %s" % (file["file"], ", ".join(file["paths"]), file["why"]))
    if not outcome["complete"]:
        bb.fatal("not all symbols are on all targets: the errors above say which, and why.")

def crashdump_add_upload(d, after):
    """Add the task do_crashdump_upload, to be asked for, or as a part of the build."""
    d.setVarFlag("do_crashdump_upload", "network", "1")
    d.setVarFlag("do_crashdump_upload", "nostamp", "1")
    bb.build.addtask("do_crashdump_upload", "do_build" if d.getVar("CRASHDUMP_UPLOAD_ON_BUILD") == "1" else None, after, d)
