# os: objects in reading order.
OS_SRC = os/xk/msg.c os/xk/map.c os/xk/xobj.c os/xk/peers.c os/xk/table.c os/xk/graph.c
OS_SRC += os/proto/mesh/mesh.c
OS_SRC += os/proto/blast/blast.c os/proto/blast/blast_output.c os/proto/blast/blast_input.c
OS_SRC += os/proto/chan/chan.c os/proto/chan/chan_client.c os/proto/chan/chan_server.c
OS_SRC += os/proto/select/select.c
OS_SRC += os/proto/rdm/rdm.c os/proto/rdm/rdm_input.c
OS_SRC += os/proto/vdrop/vdrop.c os/proto/template/template.c
OS_SRC += os/lfs/lfs_disk.c os/lfs/lfs_alloc.c os/lfs/lfs_buf.c os/lfs/lfs_io.c os/lfs/lfs_meta.c os/lfs/lfs_mount.c
OS_SRC += os/vm/vm.c os/vm/frames.c os/vm/fault.c os/vm/pagers.c
OS_SRC += os/svm/nodeset.c os/svm/state.c os/svm/svm.c os/svm/coherence.c os/svm/recover.c os/svm/mgr_central.c os/svm/mgr_broadcast.c os/svm/mgr_dynamic.c os/svm/mgr_xmm.c os/svm/sync.c os/svm/lrc.c os/svm/lrc_page.c os/svm/history.c os/svm/history_order.c
OS_SRC += os/pfs/layout.c os/pfs/pfs_wire.c os/pfs/pfs_mounts.c os/pfs/hash.c os/pfs/pfs_meta.c os/pfs/pfs_tree.c os/pfs/pfs_token.c os/pfs/pfs_round.c os/pfs/pfs_server.c
OS_SRC += os/pfs/pfs_client.c os/pfs/pfs_names.c os/pfs/pfs_data.c os/pfs/pfs_ahead.c os/pfs/pfs_shared.c os/pfs/mode_unix.c os/pfs/mode_log.c os/pfs/mode_sync.c os/pfs/mode_record.c os/pfs/mode_global.c os/pfs/mode_async.c os/pfs/pfs_service.c
OS_SRC += os/nx/nx.c os/nx/nx_op.c os/nx/nx_send.c os/nx/nx_recv.c os/nx/nx_global.c
OS_SRC += os/pio/pio.c os/pio/pio_pfs.c os/pio/coll_piece.c os/pio/coll_phase.c os/pio/coll.c
OS_SRC += os/node.c os/boot.c
OS_SRC += os/memsrv/server.c os/memsrv/client.c
OS_SRC += os/registry.c
