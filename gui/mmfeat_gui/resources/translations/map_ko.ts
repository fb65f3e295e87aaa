<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="ko_KR" sourcelanguage="en_US">
<context><name></name>
  <message id="action.clear_features">
    <source>Clear the &amp;selection</source>
    <translation>선택 해제(&amp;S)</translation>
  </message>
  <message id="action.invert_features">
    <source>&amp;Invert the selection</source>
    <translation>선택 반전(&amp;I)</translation>
  </message>
  <message id="action.joint">
    <source>&amp;Joint map of a comparison…</source>
    <translation>비교 파일의 공동 지도(&amp;J)…</translation>
  </message>
  <message id="action.map_labels">
    <source>&amp;Names on the map</source>
    <translation>지도에 이름 표시(&amp;N)</translation>
  </message>
  <message id="action.map_pictures">
    <source>&amp;Pictures on the map</source>
    <translation>지도에 그림 표시(&amp;P)</translation>
  </message>
  <message id="action.use_box">
    <source>Select with a &amp;box</source>
    <translation>상자로 선택(&amp;B)</translation>
  </message>
  <message id="action.use_lasso">
    <source>Select with a &amp;lasso</source>
    <translation>올가미로 선택(&amp;L)</translation>
  </message>
  <message id="card.languages">
    <source>fires in: {languages}</source>
    <translation>활성 언어: {languages}</translation>
  </message>
  <message id="card.no_language">
    <source>no language</source>
    <translation>없음</translation>
  </message>
  <message id="card.no_picture">
    <source>no picture</source>
    <translation>그림 없음</translation>
  </message>
  <message id="colour.energy">
    <source>energy</source>
    <translation>에너지</translation>
  </message>
  <message id="colour.firing_rate">
    <source>firing rate</source>
    <translation>발화율</translation>
  </message>
  <message id="colour.modality_score">
    <source>modality score</source>
    <translation>모달리티 점수</translation>
  </message>
  <message id="colour.n_languages">
    <source>number of languages</source>
    <translation>언어 수</translation>
  </message>
  <message id="colour.shared">
    <source>shared</source>
    <translation>공유 여부</translation>
  </message>
  <message id="joint.accessible">
    <source>Joint map of features of several SAEs</source>
    <translation>여러 SAE 피처의 공동 지도</translation>
  </message>
  <message id="joint.choose">
    <source>Choose a comparison…</source>
    <translation>비교 파일 선택…</translation>
  </message>
  <message id="joint.choose_tip">
    <source>Show the map of a file made by mmfeat compare</source>
    <translation>mmfeat compare로 만든 파일의 지도 보기</translation>
  </message>
  <message id="joint.feature">
    <source>feature {feature}</source>
    <translation>피처 {feature}</translation>
  </message>
  <message id="joint.filter">
    <source>Comparisons</source>
    <translation>비교 파일</translation>
  </message>
  <message id="joint.no_map">
    <source>The comparison {file} has no joint map; make it anew with: mmfeat compare --map</source>
    <translation>비교 파일 {file}에 공동 지도가 없습니다. 다음으로 다시 만드세요: mmfeat compare --map</translation>
  </message>
  <message id="joint.none">
    <source>No comparison of this atlas lies beside it.

Make one with: mmfeat compare ATLAS ATLAS --out FILE, or choose one.</source>
    <translation>이 아틀라스 옆에 비교 파일이 없습니다.

다음으로 만들거나 파일을 선택하세요: mmfeat compare ATLAS ATLAS --out FILE</translation>
  </message>
  <message id="joint.of">
    <source>Joint map of {file}</source>
    <translation>{file}의 공동 지도</translation>
  </message>
  <message id="joint.other">
    <source>That is feature {feature} of another atlas; open {file} to see its page.</source>
    <translation>다른 아틀라스의 피처 {feature}입니다. 페이지를 보려면 {file} 파일을 여세요.</translation>
  </message>
  <message id="legend.count">
    <source>{name} ({count:,})</source>
    <translation>{name} ({count:,})</translation>
  </message>
  <message id="legend.hide_tip">
    <source>Switch off to dim these on the map</source>
    <translation>끄면 지도에서 흐리게 표시됩니다</translation>
  </message>
  <message id="legend.image">
    <source>pictures only</source>
    <translation>그림만</translation>
  </message>
  <message id="legend.range_tip">
    <source>Drag to keep a range; arrow keys move its lower end, with Shift the upper one; double-click or Delete takes it away</source>
    <translation>끌어서 범위를 지정합니다. 화살표 키는 아래쪽 끝을, Shift와 함께 누르면 위쪽 끝을 옮기고, 두 번 클릭하거나 Delete 키를 누르면 범위가 해제됩니다</translation>
  </message>
  <message id="legend.text">
    <source>captions only</source>
    <translation>캡션만</translation>
  </message>
  <message id="map.accessible">
    <source>Map of features</source>
    <translation>피처 지도</translation>
  </message>
  <message id="map.box">
    <source>Box</source>
    <translation>상자</translation>
  </message>
  <message id="map.box_tip">
    <source>Drag a box around features (B); Shift adds, Alt takes away</source>
    <translation>상자로 피처를 둘러쌉니다 (B). Shift는 추가, Alt는 제외</translation>
  </message>
  <message id="map.clear">
    <source>Clear</source>
    <translation>해제</translation>
  </message>
  <message id="map.clear_tip">
    <source>Select nothing</source>
    <translation>아무것도 선택하지 않기</translation>
  </message>
  <message id="map.colour_by">
    <source>Colour by</source>
    <translation>색 기준</translation>
  </message>
  <message id="map.fit">
    <source>Show all</source>
    <translation>전체 보기</translation>
  </message>
  <message id="map.fit_tip">
    <source>Show the whole map (Home)</source>
    <translation>지도 전체 보기 (Home)</translation>
  </message>
  <message id="map.invert">
    <source>Invert</source>
    <translation>반전</translation>
  </message>
  <message id="map.invert_tip">
    <source>Select what is not selected</source>
    <translation>선택되지 않은 것을 선택</translation>
  </message>
  <message id="map.labels">
    <source>Names</source>
    <translation>이름</translation>
  </message>
  <message id="map.labels_tip">
    <source>Names of clusters on the map</source>
    <translation>지도에 군집 이름 표시</translation>
  </message>
  <message id="map.lasso">
    <source>Lasso</source>
    <translation>올가미</translation>
  </message>
  <message id="map.lasso_tip">
    <source>Draw a line around features (L); Shift adds, Alt takes away</source>
    <translation>선을 그려 피처를 둘러쌉니다 (L). Shift는 추가, Alt는 제외</translation>
  </message>
  <message id="map.none">
    <source>This atlas has no map yet.

Make one with: mmfeat map ATLAS
Then press F5.</source>
    <translation>이 아틀라스에는 아직 지도가 없습니다.

다음으로 만드세요: mmfeat map ATLAS
그런 다음 F5를 누르세요.</translation>
  </message>
  <message id="map.pan">
    <source>Move</source>
    <translation>이동</translation>
  </message>
  <message id="map.pan_tip">
    <source>Drag the map (P); the middle mouse button always does</source>
    <translation>지도를 끌어 옮깁니다 (P). 마우스 가운데 버튼은 언제나 이동</translation>
  </message>
  <message id="map.pictures">
    <source>Pictures</source>
    <translation>그림</translation>
  </message>
  <message id="map.pictures_tip">
    <source>Top pictures on the map once it is near</source>
    <translation>가까이 보면 지도에 대표 그림 표시</translation>
  </message>
  <message id="map.same_size">
    <source>all alike</source>
    <translation>모두 같게</translation>
  </message>
  <message id="map.size_by">
    <source>Size by</source>
    <translation>크기 기준</translation>
  </message>
  <message id="map.tag">
    <source>tag: {tag}</source>
    <translation>태그: {tag}</translation>
  </message>
  <message id="map.tagged">
    <source>tagged</source>
    <translation>태그 있음</translation>
  </message>
  <message id="map.tools">
    <source>Tools of the map</source>
    <translation>지도 도구</translation>
  </message>
  <message id="map.untagged">
    <source>not tagged</source>
    <translation>태그 없음</translation>
  </message>
  <message id="panel.joint">
    <source>Joint map</source>
    <translation>공동 지도</translation>
  </message>
  <message id="shared.not_shared">
    <source>not shared</source>
    <translation>비공유</translation>
  </message>
  <message id="shared.shared">
    <source>shared</source>
    <translation>공유</translation>
  </message>
  <message id="shared.untestable">
    <source>untestable</source>
    <translation>검정 불가</translation>
  </message>
  <message id="undo.colouring">
    <source>colours of the map</source>
    <translation>지도 색</translation>
  </message>
  <message id="undo.hidden">
    <source>legend of the map</source>
    <translation>지도 범례</translation>
  </message>
  <message id="undo.joint">
    <source>joint map</source>
    <translation>공동 지도</translation>
  </message>
  <message id="undo.labels">
    <source>names on the map</source>
    <translation>지도 이름</translation>
  </message>
  <message id="undo.sizing">
    <source>sizes on the map</source>
    <translation>지도 점 크기</translation>
  </message>
  <message id="undo.thumbnails">
    <source>pictures on the map</source>
    <translation>지도 그림</translation>
  </message>
  <message id="undo.viewport">
    <source>part of the map</source>
    <translation>지도 위치</translation>
  </message>
</context>
</TS>
