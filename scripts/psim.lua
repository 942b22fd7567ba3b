-- psim.lua: what Wireshark and tshark show of psim's captures (docs/captures.md).
--
--     tshark -X lua_script:scripts/psim.lua -r mesh.pcap
--
-- LINKTYPE_USER0: the stations of source and destination, then the frame.  EtherType 0x88B5: a
-- frame that psim gave a header.  A frame is Ethernet's where its first octets are the addresses of
-- its stations; else it is the protocol driver's: 2 octets that number its upper among those over
-- the driver, 2 of the life of the sender's node, 4 of the length of what follows.
local ALL = 0xffffffff

local net = Proto("psim", "Network of psim")
local source = ProtoField.uint32("psim.source", "Source", base.DEC)
local destination = ProtoField.uint32("psim.destination", "Destination", base.DEC)
net.fields = { source, destination }
local short = ProtoExpert.new("psim.short", "The frame has no stations", expert.group.MALFORMED,
                              expert.severity.ERROR)
net.experts = { short }

local driver = Proto("psim_driver", "Driver of psim")
local upper = ProtoField.uint16("psim_driver.upper", "Upper protocol, its number", base.DEC)
local life = ProtoField.uint16("psim_driver.life", "Life of the sender, low bits", base.DEC)
local length = ProtoField.uint32("psim_driver.length", "Octets that follow", base.DEC)
driver.fields = { upper, life, length }
local wrong = ProtoExpert.new("psim_driver.wrong", "Other octets follow than the header says",
                              expert.group.MALFORMED, expert.severity.ERROR)
driver.experts = { wrong }

-- The frame begins `at` octets into `octets`.
local function show_driver(octets, at, packet, tree)
    local here, whole = octets:len() - at, octets:reported_len() - at
    packet.cols.protocol = "DRIVER"
    local shown = tree:add(driver, octets(at, math.min(8, here)))
    if whole < 8 then
        shown:add_proto_expert_info(wrong)
    end
    if here < 8 then
        return                                        -- the file keeps no more
    end
    local follow = octets(at + 4, 4):uint()
    shown:add(upper, octets(at, 2))
    shown:add(life, octets(at + 2, 2))
    shown:add(length, octets(at + 4, 4))
    packet.cols.info = string.format("upper %d, %d octets", octets(at, 2):uint(), follow)
    if follow ~= whole - 8 then
        shown:add_proto_expert_info(wrong)
    end
    if here > 8 then
        Dissector.get("data"):call(octets(at + 8):tvb(), packet, tree)
    end
end

function driver.dissector(octets, packet, tree)
    show_driver(octets, 0, packet, tree)
end

-- The address of a station: 02:00 and its number; all ones: to all.
local function is_address(at, station)
    if station == ALL then
        return at(0, 2):uint() == 0xffff and at(2, 4):uint() == ALL
    end
    return at(0, 2):uint() == 0x0200 and at(2, 4):uint() == station
end

function net.dissector(octets, packet, tree)
    packet.cols.protocol = "PSIM"
    local here = octets:len()
    local shown = tree:add(net, octets(0, math.min(8, here)))
    if octets:reported_len() < 8 then
        shown:add_proto_expert_info(short)
    end
    if here < 8 then
        return
    end
    local from, to = octets(0, 4):uint(), octets(4, 4):uint()
    shown:add(source, octets(0, 4))
    shown:add(destination, octets(4, 4))
    packet.cols.src = tostring(from)
    packet.cols.dst = to == ALL and "all" or tostring(to)
    if here >= 22 and is_address(octets(8, 6), to) and is_address(octets(14, 6), from) then
        -- Of a frame that was cut Wireshark would think that it was no longer.
        local name = here == octets:reported_len() and "eth_withoutfcs" or "data"
        Dissector.get(name):call(octets(8):tvb(), packet, tree)
    elseif octets:reported_len() > 8 then
        show_driver(octets, 8, packet, tree)
    end
end

DissectorTable.get("wtap_encap"):add(wtap.USER0, net)
DissectorTable.get("ethertype"):add(0x88b5, driver)
